"""The catalogue: its table is true, a correct Node passes all scenarios, and each scenario finds the mistakes it is for."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from raft_steps import STEPS
from raft_steps import node as node_of
from raft_steps.lab.cli.command import main
from raft_steps.lab.commands import Get, Ok
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.conformance import (
    FOLDER,
    CatalogueEntry,
    KnownFailure,
    catalogue,
    entries,
    find_entry,
    read_entry,
    try_entry,
)
from raft_steps.lab.verify.conformance.expectations import SENTENCES, read_expectation
from raft_steps.lab.verify.conformance.scripts import SCRIPTS, read_script
from tests.helpers.raft_fixture import RaftNode, RequestVoteReply

SEEDS = 2  # with which a step must pass a scenario that it should pass
SEEDS_SEARCHED = 200  # of which at least one must fail if the file says "not yet"
STEPS_TRIED = [step.number for step in STEPS if step.number >= 4]
BEGINNING = "raft-steps 1\nservers tom jerry spike\ntiming paper\ndraws tom 0.15\ndraws jerry 0.3\ndraws spike 0.3\n"

# Every test of the two courses.
MIT = """
    InitialElection3A ReElection3A ManyElections3A BasicAgree3B RPCBytes3B FollowerFailure3B LeaderFailure3B FailAgree3B
    FailNoAgree3B ConcurrentStarts3B Rejoin3B Backup3B Count3B Persist13C Persist23C Persist33C Figure83C
    UnreliableAgree3C Figure8Unreliable3C ReliableChurn3C UnreliableChurn3C SnapshotBasic3D SnapshotInstall3D
    SnapshotInstallUnreliable3D SnapshotInstallCrash3D SnapshotInstallUnCrash3D SnapshotAllCrash3D SnapshotInit3D
"""
MIT_KEY_VALUE = """
    Basic Speed Concurrent Unreliable UnreliableOneKey OnePartition ManyPartitionsOneClient ManyPartitionsManyClients
    PersistOneClient PersistConcurrent PersistConcurrentUnreliable PersistPartition PersistPartitionUnreliable
    PersistPartitionUnreliableLinearizable SnapshotRPC SnapshotSize SnapshotSpeed SnapshotRecover
    SnapshotRecoverManyClients SnapshotUnreliable SnapshotUnreliableRecover SnapshotUnreliableRecoverConcurrentPartition
    SnapshotUnreliableRecoverConcurrentPartitionLinearizable
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
ELIBEN_KEY_VALUE = """
    SetupHarness ClientRequestBeforeConsensus BasicPutGetSingleClient PutPrevValue BasicPutGetDifferentClients CASBasic
    CASConcurrent ConcurrentClientsPutsAndGets 5ServerConcurrentClientsPutsAndGets DisconnectLeaderAfterPuts
    DisconnectLeaderAndFollower CrashFollower CrashLeader CrashThenRestartLeader BasicAppendSameClient
    BasicAppendDifferentClients AppendDifferentLeaders AppendLinearizableAfterDelay AppendLinearizableAfterCrash
"""


def entry_of(*lines: str) -> CatalogueEntry:
    """Build an entry from some lines, with three servers of which tom leads first."""
    return read_entry("name Try\n" + BEGINNING + "\n".join(("until 4", *lines)))


def wrong(*lines: str, node: type = RaftNode, seed: int = 0) -> str:
    """Run such an entry, and return what is wrong."""
    return try_entry(entry_of(*lines), None, seed, node).wrong


# The table.


def test_every_known_test_has_one_scenario() -> None:
    """Each test of MIT's labs about Raft and about the key-value store, and of eliben's parts, is named by one scenario."""
    documented = "etcd's documentation, "
    known = [place for entry in entries() for place in entry.known_as if not place.startswith(documented)]
    wanted = [f"MIT 6.5840, {name}" for name in MIT.split()] + [f"eliben/raft, {name}" for name in ELIBEN.split()]
    wanted += [f"MIT 6.5840, key-value {name}" for name in MIT_KEY_VALUE.split()]
    wanted += [f"eliben/raft, key-value {name}" for name in ELIBEN_KEY_VALUE.split()]

    assert sorted(known) == sorted(wanted)


def test_what_etcd_documents_is_tried() -> None:
    """Each promise has one scenario: about learners, changes of the members, and elections."""
    places = [place for entry in entries() for place in entry.known_as if place.startswith("etcd's documentation, ")]
    pages = [place.partition(", ")[2].partition(":")[0] for place in places]

    assert len(places) == len(set(places)) == len(list(FOLDER.glob("etcd_*.txt")))
    assert {"learner design": 3, "runtime reconfiguration": 4, "raft": 5} == {page: pages.count(page) for page in pages}


@pytest.mark.slow
@pytest.mark.parametrize(
    "entry", [entry for entry in entries() if entry.known_failure_of(12) is None], ids=lambda entry: entry.name
)
def test_correct_node_passes(entry: CatalogueEntry) -> None:
    """A small correct Raft passes every scenario without sessions and snapshots: none expects more than Raft promises."""
    for seed in range(3):
        assert try_entry(entry, None, seed, RaftNode).wrong == ""


@pytest.mark.slow
@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.name)
def test_table_is_true(entry: CatalogueEntry) -> None:
    """A step that should pass does so with every seed, and one that is known to fail does so with some seed."""
    for step in STEPS_TRIED:
        if entry.known_failure_of(step) is None:
            for seed in range(SEEDS):
                assert (step, try_entry(entry, step, seed).wrong) == (step, "")
        else:
            assert any(not try_entry(entry, step, seed).passed for seed in range(SEEDS_SEARCHED)), f"step {step} passes"


def test_every_known_failure_has_a_reason() -> None:
    """Each known failure has the step that mends it, after those that fail, and a reason in a sentence."""
    for entry in entries():
        for failure in entry.known_failures:
            assert 4 <= failure.first < failure.mended_by
            assert len(failure.why) > 30
        assert len(entry.about) > 40, entry.name


# Mistakes that each of these scenarios is there for.


class CountsOldTerms(RaftNode):
    """Commits entries of older terms by counting, against Section 5.4.2."""

    def may_commit(self, index: int) -> bool:
        return self.is_majority(self.holders(index))


class ForgetsVote(RaftNode):
    """Stores its term, but not its vote."""

    durable: ClassVar[tuple[str, ...]] = ("log", "current_term")


class ForgetsTerm(RaftNode):
    """Stores its vote, but not its term."""

    durable: ClassVar[tuple[str, ...]] = ("log", "voted_for")


class VotesForAnyone(RaftNode):
    """Votes without comparing logs."""

    def is_up_to_date(self, message: Any) -> bool:
        return True


class ClearsVote(RaftNode):
    """Forgets its vote when it steps down, even within a term: a mistake that eliben's readers missed for years."""

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


class VotesForEveryone(RaftNode):
    """Votes for every candidate that asks."""

    def on_request_vote(self, sender: str, message: Any) -> None:
        if message.term == self.current_term:
            self.voted_for = None
        super().on_request_vote(sender, message)


class NeverStepsDown(RaftNode):
    """Stays leader in every newer term."""

    def become_follower(self) -> None:
        if not self.is_leader:
            super().become_follower()


class CommitsAlone(RaftNode):
    """Takes two of five servers, and one of three, for a majority."""

    def is_majority(self, count: int) -> bool:
        return 2 * count >= len(self.servers) - 1


class CarriesOutAgain(node_of(13)):  # type: ignore[misc]
    """Carries out a command of a session each time it is in the log."""

    def execute_once(self, command: Any) -> Any:
        return self.execute(command.command)


class LosesSessions(node_of(16)):  # type: ignore[misc]
    """Leaves the sessions out of its snapshots."""

    def state(self) -> dict[str, Any]:
        return {"state_machine": self.state_machine}


class NeverCompacts(node_of(16)):  # type: ignore[misc]
    """Keeps its whole log."""

    def take_snapshot(self) -> None:
        pass


class SendsNoSnapshot(node_of(16)):  # type: ignore[misc]
    """Leaves a follower alone that lacks what it has compacted."""

    def send_snapshot(self, peer: str, snapshot: Any) -> None:
        pass


class BeginsEmpty(node_of(16)):  # type: ignore[misc]
    """Takes the index of its snapshot for what it has applied, and does not restore the state."""

    def restore_snapshot(self) -> None:
        self.commit_index = self.last_applied = self.log.base_index


class CountsLearners(node_of(17)):  # type: ignore[misc]
    """Counts a server that is asked for at once, whether it has the log or not."""

    def read_index(self) -> int:
        return 0


class ForgetsItsMembers(node_of(17)):  # type: ignore[misc]
    """Leaves its members out of its snapshots."""

    def state(self) -> dict[str, Any]:
        return {name: value for name, value in super().state().items() if name != "configurations"}


class LeadsOn(node_of(18)):  # type: ignore[misc]
    """Leads whether a majority answers or not."""

    def on_quorum_timeout(self) -> None:
        pass


class RunsAtOnce(node_of(18)):  # type: ignore[misc]
    """Raises the term without a question."""

    def on_election_timeout(self) -> None:
        self.start_election()


class ReadsAtOnce(node_of(14)):  # type: ignore[misc]
    """Answers a read without asking the others whether it still leads."""

    def on_client_request(self, client: str, request: Any) -> None:
        if self.is_leader and isinstance(request, Get):
            self.reply(client, Ok(value=self.state_machine.get(request.key)))
        else:
            super().on_client_request(client, request)


@pytest.mark.parametrize(
    "node, name",
    [
        (CarriesOutAgain, "AppendAfterDelay"),
        (CarriesOutAgain, "KeyValuePersistPartition"),
        (LosesSessions, "KeyValueSnapshotRPC"),
        (NeverCompacts, "SnapshotBasic"),
        (SendsNoSnapshot, "SnapshotInstall"),
        (SendsNoSnapshot, "SnapshotInstallCrash"),
        (BeginsEmpty, "KeyValueSnapshotRecover"),
        (ReadsAtOnce, "DisconnectLeaderAfterPuts"),
        (CountsLearners, "LearnerIsNotCounted"),
        (ForgetsItsMembers, "MembersAreInTheSnapshot"),
        (LeadsOn, "LeaderWithoutMajorityStops"),
        (RunsAtOnce, "MemberRejoinsCalmly"),
        (CountsOldTerms, "CrashAfterSubmit"),
        (CountsOldTerms, "DisconnectAfterSubmit"),
        (ForgetsVote, "CandidateCrash"),
        (ForgetsTerm, "FollowerCrash"),
        (VotesForAnyone, "Persist3"),
        (VotesForAnyone, "Backup"),
        (ClearsVote, "VoteKept"),
        (CountsStaleVotes, "StaleVoteReplyIgnored"),
        (VotesForEveryone, "SameTermDoubleVotePrevented"),
        (NeverStepsDown, "LeaderDisconnectThenReconnect"),
        (CommitsAlone, "FollowerFailure"),
        (CommitsAlone, "DisconnectAllThenRestore"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_scenario_finds_its_mistake(node: type, name: str) -> None:
    """A wrong Node fails the scenario for its mistake, with one of a few seeds."""
    assert any(not try_entry(find_entry(name), None, seed, node).passed for seed in range(8))


# Expectations.

HELD, BROKEN = True, False
EXAMPLES = [
    ("one leader", "expect 2 one leader", HELD),
    ("one leader", "at 1 crash tom jerry\nexpect 2 one leader", BROKEN),
    ("nobody leads", "expect 0.1 nobody leads", HELD),
    ("nobody leads", "expect 2 nobody leads", BROKEN),
    ("nobody elected since SECONDS", "expect 2 nobody elected since 1", HELD),
    ("NAME leads in term NUMBER", "expect 2 tom leads in term 1", HELD),
    ("NAME leads in term NUMBER", "expect 2 tom leads in term 2", BROKEN),
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
    ("everybody answered", "at 1 set a 1\nexpect 2 everybody answered", HELD),
    ("everybody answered", "at 1 set a 1 to jerry\nexpect 2 everybody answered", BROKEN),
    ("changed VOTERS", "at 1 members tom,jerry\nexpect 2 changed jerry,tom", HELD),
    ("changed VOTERS", "at 1 members tom,jerry to spike\nexpect 2 changed tom,jerry", BROKEN),
    ("not changed VOTERS", "at 1 members tom,jerry to spike\nexpect 2 not changed tom,jerry", HELD),
    ("not changed VOTERS", "at 1 members tom,jerry\nexpect 2 not changed tom,jerry", BROKEN),
    ("members are VOTERS", "at 1 members tom,jerry\nexpect 2 members are tom,jerry", HELD),
    ("members are VOTERS", "at 1 partition jerry\nat 1.1 members tom,jerry\nexpect 2 members are tom,jerry", BROKEN),
    ("unread KEY", "at 1 get b\nexpect 2 unread a", HELD),
    ("unread KEY", "at 1 get a\nexpect 2 unread a", BROKEN),
    ("appends once KEY", "at 1 append a 1\nat 1.1 append a 2\nexpect 2 appends once a", HELD),
    ("appends once KEY", "expect 2 appends once a", BROKEN),
    ("logs at most NUMBER bytes", "at 1 set a 1\nexpect 2 logs at most 300 bytes", HELD),
    ("logs at most NUMBER bytes", "at 1 set a 1\nexpect 2 logs at most 30 bytes", BROKEN),
    ("calls at most NUMBER since SECONDS", "expect 2 calls at most 40 since 1", HELD),
    ("calls at most NUMBER since SECONDS", "expect 2 calls at most 39 since 1", BROKEN),
    ("bytes at most NUMBER since SECONDS", "expect 2 bytes at most 20000 since 1", HELD),
    ("bytes at most NUMBER since SECONDS", "expect 2 bytes at most 900 since 1", BROKEN),
]


@pytest.mark.parametrize("sentence, lines, holds", EXAMPLES, ids=lambda value: str(value).splitlines()[-1])
def test_sentence_holds_and_breaks(sentence: str, lines: str, holds: bool) -> None:
    """Each sentence is true in one run, and in another one the result describes what is wrong."""
    step = 17 if "members" in lines else 13 if "append" in lines or "get" in lines else None
    found = wrong(*lines.splitlines(), node=node_of(step) if step else RaftNode)

    assert (found == "") == holds, found
    assert holds or found.startswith("expect "), found


def test_every_sentence_is_tried_both_ways() -> None:
    """All sentences of the format are tried above, held and broken."""
    for verdict in (HELD, BROKEN):
        assert {sentence for sentence, _, holds in EXAMPLES if holds is verdict} == set(SENTENCES)


def test_sentence_must_hold_once_in_a_window() -> None:
    """In a window the sentence must hold at some time; at a single time it must hold then."""
    assert wrong("expect 0.1-0.5 one leader") == ""
    assert "expect 0.1 one leader: nobody leads" in wrong("expect 0.1 one leader")
    assert "expect 0.01-0.14 one leader: nobody leads" in wrong("expect 0.01-0.14 one leader")


def test_expectation_is_checked_before_the_actions_of_its_time() -> None:
    """An expectation is checked before the scenario's actions at the same time."""
    assert wrong("at 2 crash tom jerry spike", "expect 2 one leader") == ""


def test_a_property_ends_the_run() -> None:
    """The result names the property that broke, and the time."""
    lines = ("at 0.155 crash tom", "at 0.16 restart tom", "expect 3 one leader")

    assert wrong(*lines, "hold Promises Outlive Crashes", node=ForgetsTerm).startswith(
        "Promises Outlive Crashes is broken at"
    )
    assert wrong(*lines, node=ForgetsTerm) == ""


def test_skipped_index_is_wrong() -> None:
    """A server that skips an index is found in every scenario, whatever it expects."""

    class Skipper(RaftNode):
        def apply_committed(self) -> None:
            self.last_applied = max(self.last_applied, 1)
            super().apply_committed()

    assert "applies index 2 and has not applied 1" in wrong(
        "at 1 set a 1", "at 1.5 set b 2", "expect 3 one leader", node=Skipper
    )


def test_a_node_that_fails_is_wrong() -> None:
    """An error of the Node is a result, not an exception."""

    class Broken(RaftNode):
        def on_heartbeat_timeout(self) -> None:
            raise KeyError("jerry")

    assert "KeyError" in wrong("expect 3 one leader", node=Broken)


# The files.


@pytest.mark.parametrize(
    "lines, message",
    [
        ("expect 2 one lieder", "line 8: there is no expectation 'one lieder'; did you mean 'one leader'"),
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
        ("not yet 4 until 9: one\nnot yet 8 until 11: two\nexpect 1 one term", "two lines give a reason why the same step"),
        ("at 2 crush tom", "line 8: there is no action 'crush'; did you mean 'crash'"),
        ("at 2 crash tom", "it expects nothing, so every Node would pass"),
        ("name Again\nexpect 2 one leader", "a scenario with expectations has one name"),
    ],
)  # fmt: skip
def test_bad_lines_are_refused(lines: str, message: str) -> None:
    """The error for a line that cannot be parsed has its number and the right form."""
    with pytest.raises(ScenarioError) as caught:
        read_entry("name Try\n" + BEGINNING + lines + "\nuntil 4")

    assert message in str(caught.value)


def test_a_scenario_needs_an_end() -> None:
    """A scenario without an end is refused."""
    with pytest.raises(ScenarioError, match="it has no end; add a line: until SECONDS"):
        read_entry("name Try\n" + BEGINNING + "hold Election Safety")


def test_comments_and_actions_are_read() -> None:
    """The first comments describe the scenario; the number of a message is not a comment."""
    entry = read_entry(
        "# A message\n# is lost.\nname Try\n"
        + BEGINNING
        + "at 1 drop tom>jerry#7  # or not\nuntil 2\nexpect 2 one term"
    )

    assert entry.about == "A message is lost."
    assert entry.plain.actions[0].words == ("tom>jerry#7",)


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_scripts_repeat(name: str) -> None:
    """A script generates the same actions for the same seed, and its scenario can be formatted and parsed."""
    script = read_script(name)
    servers = Scenario(servers=("tom", "jerry", "spike", "tyke", "butch")).servers
    whole = replace(find_entry("Backup").plain, actions=tuple(script.actions(1, servers)), until_us=None)

    assert script.actions(1, servers) == script.actions(1, servers)
    assert name == "writes" or script.actions(1, servers) != script.actions(2, servers)
    assert Scenario.parse(whole.to_text()) == whole


def test_outcomes_repeat() -> None:
    """The same scenario, Node and seed give the same outcome, in this process and in others."""
    names = ["StaleVoteReplyIgnored", "ElectionDisconnectLoop"]
    one, two = (catalogue(5, 4, only=names, workers=workers) for workers in (1, 2))

    assert [cell.outcomes for cell in one.cells] == [cell.outcomes for cell in two.cells]


# The report and the command.


def test_report_has_what_should_pass_and_does_not() -> None:
    """The report lists each cell that should pass and fails, with the seed and what is wrong."""
    report = catalogue(ForgetsVote, 2, only=["CandidateCrash", "InitialElection"])

    assert not report.passed
    assert [cell.entry.name for cell in report.unexpected] == ["CandidateCrash"]
    assert "WRONG  CandidateCrash, your Node, seed 0: Promises Outlive Crashes is broken" in str(report)
    assert "Promises Outlive Crashes is broken" in report._repr_html_()


def test_report_has_the_step_that_passes() -> None:
    """A cell with several reasons, each mended by another step, shows the step from which on the scenario passes."""
    report = catalogue([8, 9, 12], only=["Rejoin", "InitialElection"])

    assert [report.cell("Rejoin", step).label for step in (8, 9, 12)] == ["from 11", "from 11", "ok"]
    assert ("step 8", "Rejoin") in {(steps, names) for steps, _, names in report.gaps()}
    assert "step 10 mends it" in str(report)
    assert "step 10 mends it" in report._repr_html_()
    assert report.passed
    with pytest.raises(LookupError):
        report.cell("Rejoin", 4)


def test_known_failure_is_found_by_its_range() -> None:
    """A step's known failure is the one whose range the step is in."""
    failures = (KnownFailure(4, 6, "one"), KnownFailure(6, 7, "two"))
    entry = replace(find_entry("InitialElection"), known_failures=failures)

    assert [entry.known_failure_of(step) for step in (4, 5, 6, 7)] == [failures[0], failures[0], failures[1], None]


@pytest.mark.parametrize(
    "steps, message",
    [(3, "step 4 is the first"), (99, "there is no step 99"), ([], "at least one seed and one step")],
)
def test_wrong_steps_are_refused(steps: Any, message: str) -> None:
    """A step without elections, an unknown step, or no step is refused."""
    with pytest.raises(ScenarioError, match=message):
        catalogue(steps)


def test_command(tmp_path: Path) -> None:
    """`raft-steps catalogue` prints the table or JSON, reads scenario files, and its exit status is the verdict."""
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


def test_expectation_is_formatted_as_it_is_parsed() -> None:
    """Formatting an expectation gives the line that it was parsed from."""
    for text in ("5 one leader", "5-7.5 all have a=1", "3 bytes at most 900 since 2"):
        assert str(read_expectation(text)) == f"expect {text}"


@pytest.mark.parametrize(
    "lines, reason",
    [
        ("at 1 crash tom jerry spike\nexpect 2 all agree", "no server runs"),
        ("at 1 partition jerry\nat 1 set a 1\nexpect 2 all agree", "the logs of tom and jerry differ"),
        ("at 1 partition tom\nat 1 set a 1 to tom\nexpect 2 all agree", "tom has not applied the entry at index 1"),
        ("expect 3 higher term than at 0", "there was no leader then"),
        ("expect 2 refused a=1", "no set a 1 was answered"),
    ],
)
def test_reason_for_a_broken_expectation(lines: str, reason: str) -> None:
    """An expectation that does not hold is reported with what the servers show instead."""
    assert reason in wrong(*lines.split("\n"))


@pytest.mark.parametrize(
    "script, complaint",
    [
        ("eight fault crahs", "fault is crash or cut, not 'crahs'"),
        ("eight fault cut fault cut", "script eight has fault twice"),
        ("writes count 1e300", "count is a whole number, not '1e300'"),
        ("writes count 1000000", "count is from 0 to 100,000, not 1000000"),
        ("writes every nan", "every is from 0 to"),
        ("writes from -1", "from is from 0 to"),
        ("isolations alone 4", "the script needs 4 servers, and there are 3"),
        ("writes to tim", "there is no server 'tim'"),
    ],
)
def test_scripts_that_cannot_be_carried_out_are_refused(script: str, complaint: str) -> None:
    """A misspelled setting, and a number out of range, are errors of the file, not another scenario."""
    text = f"raft-steps 1\nname Example\nservers tom jerry spike\nscript {script}\nexpect 5 one leader\nuntil 60\n"

    with pytest.raises(ScenarioError, match=re.escape(complaint)):
        read_entry(text)


@pytest.mark.parametrize("steps", ["9", ["9"], 8.0, [True]])
def test_the_catalogue_takes_numbers_of_steps(steps: Any) -> None:
    """A text is refused; the error says what is right."""
    with pytest.raises(ScenarioError, match="the catalogue takes numbers of steps, or a Node class, not"):
        catalogue(steps)
