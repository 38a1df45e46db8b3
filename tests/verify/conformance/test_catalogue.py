"""The catalogue: the table is true, a correct Node passes every scenario, and known mistakes are found by the right one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from raft_steps import STEPS
from raft_steps.lab.cli.main import main
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.conformance import Entry, NotYet, catalogue, entries, find_entry, read_entry, try_entry
from raft_steps.lab.verify.conformance.expectations import JUDGES, read_expectation
from raft_steps.lab.verify.conformance.scripts import SCRIPTS, read_script
from tests.helpers.raft_fixture import RaftNode, RequestVoteReply

CLAIM_SEEDS = 2  # with which every claim that a step passes is tried
SEARCHED = 200  # seeds, of which one at least must fail where the table says "not yet"
STEPS_TRIED = [step.number for step in STEPS if step.number >= 4]
BEGINNING = "raft-steps 1\nservers tom jerry spike\ntiming paper\ndraws tom 0.15\ndraws jerry 0.3\ndraws spike 0.3\n"

# Every test of the two courses that needs neither snapshots nor client sessions.
MIT = """
    InitialElection3A ReElection3A ManyElections3A BasicAgree3B RPCBytes3B FollowerFailure3B LeaderFailure3B FailAgree3B
    FailNoAgree3B ConcurrentStarts3B Rejoin3B Backup3B Count3B Persist13C Persist23C Persist33C Figure83C
    UnreliableAgree3C Figure8Unreliable3C ReliableChurn3C UnreliableChurn3C
"""
ELIBEN = """
    ElectionBasic LeaderDisconnect LeaderAndAnotherDisconnect DisconnectAllThenRestore LeaderDisconnectThenReconnect
    LeaderDisconnectThenReconnect5 FollowerComesBack ElectionDisconnectLoop CommitOneCommand SubmitNonLeaderFails
    CommitMultipleCommands CommitWithDisconnectionAndRecover NoCommitWithNoQuorum CommitsWithLeaderDisconnects
    CommitAfterCallDrops DisconnectLeaderBriefly CrashFollower CrashThenRestartFollower CrashThenRestartLeader
    CrashThenRestartAll ReplaceMultipleLogEntries CrashAfterSubmit DisconnectAfterSubmit Bug_StartElectionMissingPersist
    Bug_BecomeFollowerMissingPersist BecomeFollowerSameTermPreservesVotedFor BecomeFollowerHigherTermResetsVotedFor
    StaleVoteReplyIgnored SameTermDoubleVotePrevented ElectionSafetyStress
"""


def entry_of(*lines: str) -> Entry:
    """Make a scenario with checks out of some lines, with three servers of which tom leads first."""
    return read_entry("name Try\n" + BEGINNING + "\n".join(("until 4", *lines)))


def wrong(*lines: str, node: type = RaftNode, seed: int = 0) -> str:
    """Say what is wrong with a run of such a scenario."""
    return try_entry(entry_of(*lines), None, seed, node).wrong


# The table.


def test_every_known_test_has_its_scenario_once() -> None:
    """Each test of MIT's lab and of eliben's parts 1 to 3 is what one scenario is known as, and one only."""
    known = [place for entry in entries() for place in entry.known_as]
    wanted = [f"MIT 6.5840, {name}" for name in MIT.split()] + [f"eliben/raft, {name}" for name in ELIBEN.split()]

    assert sorted(known) == sorted(wanted)


@pytest.mark.slow
@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_correct_node_passes(entry: Entry) -> None:
    """The small correct Raft passes every scenario: nothing in it asks for more than Raft promises."""
    for seed in range(3):
        assert try_entry(entry, None, seed, RaftNode).wrong == ""


@pytest.mark.slow
@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_table_is_true(entry: Entry) -> None:
    """What the table says of each step is so: it passes with every seed, or there is a seed with which it does not."""
    for step in STEPS_TRIED:
        if entry.fails(step) is None:
            for seed in range(CLAIM_SEEDS):
                assert (step, try_entry(entry, step, seed).wrong) == (step, "")
        else:
            assert any(not try_entry(entry, step, seed).passed for seed in range(SEARCHED)), f"step {step} passes"


def test_every_gap_is_mended_by_a_step_of_the_course() -> None:
    """Each reason names a step that follows the last one that fails, and says what is wrong in a sentence."""
    for entry in entries():
        for gap in entry.not_yet:
            assert 4 <= gap.first < gap.mended_by
            assert len(gap.why) > 30
        assert len(entry.about) > 40, entry.name


# Mistakes that each of these scenarios is there for.


class CountsOldTerms(RaftNode):
    """Commits entries of older terms by counting, against Section 5.4.2."""

    def may_commit(self, index: int) -> bool:
        return self.is_majority(self.holders(index))


class ForgetsVote(RaftNode):
    """Keeps its term on the disk, and not its vote."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term")


class ForgetsTerm(RaftNode):
    """Keeps its vote on the disk, and not its term."""

    durable: ClassVar[tuple[str, ...]] = ("log", "voted_for")


class VotesForAnyone(RaftNode):
    """Votes without a look at the candidate's log."""

    def is_up_to_date(self, message: Any) -> bool:
        return True


class ClearsVote(RaftNode):
    """Forgets its vote whenever it steps down, within a term too: the mistake that eliben's readers missed for years."""

    def become_follower(self) -> None:
        super().become_follower()
        self.voted_for = None


class CountsStaleVotes(RaftNode):
    """Counts the votes of an earlier term."""

    def on_request_vote_reply(self, sender: str, message: RequestVoteReply) -> None:
        self.learn_term(message.term)
        if message.vote_granted and self.votes and not self.is_leader:
            self.votes.add(sender)
            self.count_votes()


class VotesAgain(RaftNode):
    """Votes for whoever asks, as often as somebody asks."""

    def on_request_vote(self, sender: str, message: Any) -> None:
        if message.term == self.current_term:
            self.voted_for = None
        super().on_request_vote(sender, message)


class NeverStepsDown(RaftNode):
    """Goes on leading in whatever term it hears of."""

    def become_follower(self) -> None:
        if not self.is_leader:
            super().become_follower()


class CommitsAlone(RaftNode):
    """Takes two of five, and one of three, for a majority."""

    def is_majority(self, count: int) -> bool:
        return 2 * count >= len(self.servers) - 1


@pytest.mark.parametrize(
    "node, name",
    [
        (CountsOldTerms, "CrashAfterSubmit"),
        (CountsOldTerms, "DisconnectAfterSubmit"),
        (ForgetsVote, "CandidateCrash"),
        (ForgetsTerm, "FollowerCrash"),
        (VotesForAnyone, "Persist3"),
        (VotesForAnyone, "Backup"),
        (ClearsVote, "VoteKept"),
        (CountsStaleVotes, "StaleVoteReplyIgnored"),
        (VotesAgain, "SameTermDoubleVotePrevented"),
        (NeverStepsDown, "LeaderDisconnectThenReconnect"),
        (CommitsAlone, "FollowerFailure"),
        (CommitsAlone, "DisconnectAllThenRestore"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_scenario_finds_its_mistake(node: type, name: str) -> None:
    """A wrong Node fails the scenario that is about its mistake, with one of a few seeds."""
    assert any(not try_entry(find_entry(name), None, seed, node).passed for seed in range(8))


# Expectations.

HELD, BROKEN = True, False
SENTENCES = [
    ("one leader", "expect 2 one leader", HELD),
    ("one leader", "at 1 crash tom jerry\nexpect 2 one leader", BROKEN),
    ("nobody leads", "expect 0.1 nobody leads", HELD),
    ("nobody leads", "expect 2 nobody leads", BROKEN),
    ("nobody elected since SECONDS", "expect 2 nobody elected since 1", HELD),
    ("nobody elected since SECONDS", "at 1 crash tom\nexpect 3 nobody elected since 1", BROKEN),
    ("another leader than at SECONDS", "at 1 crash tom\nexpect 3 another leader than at 1", HELD),
    ("another leader than at SECONDS", "expect 3 another leader than at 1", BROKEN),
    ("same leader as at SECONDS", "expect 3 same leader as at 1", HELD),
    ("same leader as at SECONDS", "at 1 crash tom\nexpect 3 same leader as at 1", BROKEN),
    ("higher term than at SECONDS", "at 1 crash tom\nexpect 3 higher term than at 1", HELD),
    ("higher term than at SECONDS", "expect 3 higher term than at 1", BROKEN),
    ("one term", "expect 1 one term", HELD),
    ("one term", "at 1 partition jerry\nexpect 2 one term", BROKEN),
    ("answered KEY=VALUE", "at 1 set a 1\nexpect 2 answered a=1", HELD),
    ("answered KEY=VALUE", "at 1 set a 1 to jerry\nexpect 2 answered a=1", BROKEN),
    ("refused KEY=VALUE", "at 1 set a 1 to jerry\nexpect 2 refused a=1", HELD),
    ("refused KEY=VALUE", "at 1 set a 1 to tom\nexpect 2 refused a=1", BROKEN),
    ("all have KEY=VALUE", "at 1 set a 1\nexpect 2 all have a=1", HELD),
    ("all have KEY=VALUE", "at 1 partition jerry\nat 1 set a 1\nexpect 2 all have a=1", BROKEN),
    ("not committed KEY=VALUE", "at 1 partition tom\nat 1 set a 1 to tom\nexpect 2 not committed a=1", HELD),
    ("not committed KEY=VALUE", "at 1 set a 1\nexpect 2 not committed a=1", BROKEN),
    ("nothing committed", "expect 2 nothing committed", HELD),
    ("nothing committed", "at 1 set a 1\nexpect 2 nothing committed", BROKEN),
    ("command NUMBER is KEY=VALUE", "at 1 set a 1\nat 1.5 set b 2\nexpect 2 command 2 is b=2", HELD),
    ("command NUMBER is KEY=VALUE", "at 1 set a 1\nat 1.5 set b 2\nexpect 2 command 1 is b=2", BROKEN),
    ("not alone committed KEY=VALUE", "expect 2 not alone committed a=1", HELD),
    ("not alone committed KEY=VALUE", "at 1 set a 1\nexpect 2 not alone committed a=1", BROKEN),
    ("all agree", "at 1 set a 1\nexpect 2 all agree", HELD),
    ("all agree", "at 1 partition tom\nat 1 set a 1 to tom\nexpect 2 all agree", BROKEN),
    ("answered writes kept", "at 1 set a 1\nexpect 2 answered writes kept", HELD),
    ("answered writes kept", "at 1 partition jerry\nat 1 set a 1\nexpect 2 answered writes kept", BROKEN),
    ("calls at most NUMBER since SECONDS", "expect 2 calls at most 40 since 1", HELD),
    ("calls at most NUMBER since SECONDS", "expect 2 calls at most 39 since 1", BROKEN),
    ("bytes at most NUMBER since SECONDS", "expect 2 bytes at most 20000 since 1", HELD),
    ("bytes at most NUMBER since SECONDS", "expect 2 bytes at most 900 since 1", BROKEN),
]


@pytest.mark.parametrize("sentence, lines, holds", SENTENCES, ids=lambda value: str(value).splitlines()[-1])
def test_sentence_holds_and_breaks(sentence: str, lines: str, holds: bool) -> None:
    """Each sentence holds in a run where it should, and in another one it says what is wrong."""
    found = wrong(*lines.splitlines())

    assert (found == "") == holds, found
    assert holds or found.startswith("expect "), found


def test_every_sentence_is_tried_both_ways() -> None:
    """No sentence of the format is left out above."""
    for verdict in (HELD, BROKEN):
        assert {sentence for sentence, _, holds in SENTENCES if holds is verdict} == set(JUDGES)


def test_window_asks_for_one_good_look() -> None:
    """In a window the sentence must hold once; at a single time it must hold then."""
    assert wrong("expect 0.1-0.5 one leader") == ""
    assert "expect 0.1 one leader: nobody leads" in wrong("expect 0.1 one leader")
    assert "expect 0.01-0.14 one leader: nobody leads" in wrong("expect 0.01-0.14 one leader")


def test_an_expectation_comes_before_what_happens_then() -> None:
    """What is expected at a time is looked at before what the scenario does at that time."""
    assert wrong("at 2 crash tom jerry spike", "expect 2 one leader") == ""


def test_a_property_ends_the_run() -> None:
    """What a scenario holds its runs against is named, with the time, when it breaks."""
    lines = ("at 0.155 crash tom", "at 0.16 restart tom", "expect 3 one leader")

    assert wrong(*lines, "hold Promises Outlive Crashes", node=ForgetsTerm).startswith(
        "Promises Outlive Crashes is broken at"
    )
    assert wrong(*lines, node=ForgetsTerm) == ""


def test_an_index_left_out_is_wrong() -> None:
    """A server that carries out what it likes is found without a word in the scenario."""

    class Skipper(RaftNode):
        def apply_committed(self) -> None:
            self.last_applied = max(self.last_applied, 1)
            super().apply_committed()

    assert "applies index 2 and has not applied 1" in wrong(
        "at 1 set a 1", "at 1.5 set b 2", "expect 3 one leader", node=Skipper
    )


def test_a_node_that_fails_is_wrong() -> None:
    """An error of the Node is the outcome, and not an error of the laboratory."""

    class Broken(RaftNode):
        def on_heartbeat_timeout(self) -> None:
            raise KeyError("jerry")

    assert "KeyError" in wrong("expect 3 one leader", node=Broken)


# The files.


@pytest.mark.parametrize(
    "lines, message",
    [
        ("expect 2 one lieder", "line 8: nobody can judge 'one lieder'; did you mean 'one leader'"),
        ("expect soon one leader", "line 8: expect soon one leader: the form is: expect SECONDS SENTENCE"),
        ("expect 3-2 one leader", "a window ends after it begins"),
        ("expect 0 one leader", "a time is above 0"),
        ("expect 2 nobody elected since 3", "it refers to a time that is still to come"),
        ("expect 9 one leader", "it expects something after its end"),
        ("hold Election Savety", "there is no property 'Election Savety'; did you mean 'Election Safety'"),
        ("script rites from 2", "there is no script 'rites'; did you mean 'writes'"),
        ("script writes frm 2", "script writes has no 'frm'; it has from, count, every, key"),
        ("script writes from", "script writes has nothing after its last word"),
        ("script writes from two", "script writes: from is a number, not 'two'"),
        ("not yet 9 until 4: it is the other way round", "the form is: not yet FIRST_STEP until STEP: WHY"),
        ("not yet 4 until 9", "the form is: not yet FIRST_STEP until STEP: WHY"),
        ("not yet 4 until 9: one\nnot yet 8 until 11: two\nexpect 1 one term", "two lines say why the same step"),
        ("at 2 crush tom", "line 8: there is no action 'crush'; did you mean 'crash'"),
        ("at 2 crash tom", "it expects nothing, so every Node would pass"),
        ("name Again\nexpect 2 one leader", "a scenario with checks has one name"),
    ],
)  # fmt: skip
def test_bad_lines_are_refused(lines: str, message: str) -> None:
    """Whatever cannot be read is refused with its line, and with what would be right."""
    with pytest.raises(ScenarioError) as caught:
        read_entry("name Try\n" + BEGINNING + lines + "\nuntil 4")

    assert message in str(caught.value)


def test_a_scenario_needs_an_end() -> None:
    """Without an end nobody knows how long to look."""
    with pytest.raises(ScenarioError, match="it has no end; say: until SECONDS"):
        read_entry("name Try\n" + BEGINNING + "hold Election Safety")


def test_remarks_and_actions_are_read() -> None:
    """The first remarks say what the scenario is about; a message's number is no remark."""
    entry = read_entry(
        "# A message\n# is lost.\nname Try\n"
        + BEGINNING
        + "at 1 drop tom>jerry#7  # or not\nuntil 2\nexpect 2 one term"
    )

    assert entry.about == "A message is lost."
    assert entry.plain.actions[0].words == ("tom>jerry#7",)


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_scripts_repeat(name: str) -> None:
    """A script makes the same actions of the same seed, and its scenario is one line of text that reads back."""
    script = read_script(name)
    servers = Scenario(servers=("tom", "jerry", "spike", "tyke", "butch")).servers
    whole = replace(find_entry("Backup").plain, actions=tuple(script.actions(1, servers)))

    assert script.actions(1, servers) == script.actions(1, servers)
    assert name == "writes" or script.actions(1, servers) != script.actions(2, servers)
    assert Scenario.parse(whole.to_text()) == whole


def test_outcomes_repeat() -> None:
    """The same scenario, Node and seed give the same outcome, in this process and in others."""
    names = ["StaleVoteReplyIgnored", "ElectionDisconnectLoop"]
    one, two = (catalogue(5, 4, only=names, workers=workers) for workers in (1, 2))

    assert [cell.outcomes for cell in one.cells] == [cell.outcomes for cell in two.cells]


# The report and the command.


def test_report_says_what_should_pass_and_does_not() -> None:
    """A cell that should pass and fails is named, with the seed and what is wrong, and so is a Node of one's own."""
    report = catalogue(ForgetsVote, 2, only=["CandidateCrash", "InitialElection"])

    assert not report.passed
    assert [cell.entry.name for cell in report.unexpected] == ["CandidateCrash"]
    assert "WRONG  CandidateCrash, your Node, seed 0: Promises Outlive Crashes is broken" in str(report)
    assert "Promises Outlive Crashes is broken" in report._repr_html_()


def test_report_says_from_which_step_on() -> None:
    """A cell whose first reason is mended, and then another one, says when it is passed at last."""
    report = catalogue([8, 9, 12], only=["Rejoin", "InitialElection"])

    assert [report.cell("Rejoin", step).spelled for step in (8, 9, 12)] == ["from 11", "from 11", "ok"]
    assert ("step 8", "Rejoin") in {(steps, names) for steps, _, names in report.gaps()}
    assert "step 10 mends it" in str(report)
    assert "step 10 mends it" in report._repr_html_()
    assert report.passed
    with pytest.raises(LookupError):
        report.cell("Rejoin", 4)


def test_gaps_chain() -> None:
    """A step's gap is the one whose range it is in."""
    gaps = (NotYet(4, 6, "one"), NotYet(6, 7, "two"))
    entry = replace(find_entry("InitialElection"), not_yet=gaps)

    assert [entry.fails(step) for step in (4, 5, 6, 7)] == [gaps[0], gaps[0], gaps[1], None]


@pytest.mark.parametrize(
    "steps, message",
    [(3, "step 4 is the first"), (99, "there is no step 99"), ([], "at least one seed and one step")],
)
def test_wrong_steps_are_refused(steps: Any, message: str) -> None:
    """A step without elections, or without a number in the course, is refused."""
    with pytest.raises(ScenarioError, match=message):
        catalogue(steps)


def test_command(tmp_path: Path) -> None:
    """`raft-steps catalogue` prints the table or JSON, takes files of one's own, and its exit status is the verdict."""
    runner = CliRunner()
    file = tmp_path / "own.txt"
    file.write_text("name Own\n" + BEGINNING + "until 2\nexpect 2 nobody leads\n", encoding="utf-8")
    table = runner.invoke(main, ["catalogue", "8", "--only", "InitialElection", "--only", "ReElection"])
    failing = runner.invoke(main, ["catalogue", "8", "--file", str(file), "--json"])
    data = json.loads(failing.stdout)

    assert table.exit_code == 0
    assert "from 9" in table.stdout
    assert failing.exit_code == 1
    assert data["cells"][0]["wrong"] == "expect 2 nobody leads: tom leads"
    assert runner.invoke(main, ["catalogue", "--only", "Nothing"]).exit_code == 2
    assert runner.invoke(main, ["catalogue", "8", "--node", str(file)]).exit_code == 2


def test_expectations_read_back() -> None:
    """An expectation is spelled as it is read."""
    for text in ("5 one leader", "5-7.5 all have a=1", "3 bytes at most 900 since 2"):
        assert str(read_expectation(text)) == f"expect {text}"
