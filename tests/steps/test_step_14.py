"""Step 14: a read waits for a round. One test for each sentence of the step's docstring and of Section 6.4."""

from __future__ import annotations

from typing import Any

import pytest

from raft_steps import node
from raft_steps import step_14_linearizable_reads as step_14
from raft_steps.lab.cluster.cluster import Cluster, NoAnswer
from raft_steps.lab.commands import Get, Ok
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.verify.conformance.traffic import Traffic
from raft_steps.lab.verify.fuzzer import try_scenario
from raft_steps.lab.verify.fuzzer.profiles import PROFILES, adversity
from raft_steps.lab.verify.linearizability import check_linearizable
from raft_steps.lab.verify.properties import ALL_RULES
from raft_steps.lab.verify.properties.rules import LINEARIZABLE_READS, SERVICE
from raft_steps.step_14_linearizable_reads import AppendEntries, AppendEntriesReply
from tests.checks.wrong_nodes import step_14 as wrong
from tests.helpers.runs import effects, lone, sent

HEAD = "raft-steps 1; step 14; servers tom jerry spike; delay 0.1 0.1"
CUT_OFF = (
    f"{HEAD}; draws tom 8; draws jerry 12; draws spike 18; at 12 set x 1; at 12.200001 partition tom; "
    "at 42.200001 set x 2 to jerry; at 42.400002 get x to tom; until 60"
)
# The replies to a heartbeat of 13.2 s arrive at 42.5 s, after the read, and before anything of term 2 reaches tom.
LATE_REPLIES = CUT_OFF.replace(
    "at 12.200001 partition tom",
    "at 13.35 hold jerry>tom#4 29.1; at 13.35 hold spike>tom#4 29.11; at 13.4 partition tom; at 42.45 heal",
)
# jerry answers a heartbeat, leads, and stores x 2; its answer arrives after a client has asked tom for x.
ROUND_UNDER_WAY = (
    f"{HEAD}; draws tom 8; draws jerry 12; draws spike 18; at 12 set x 1; at 13.35 hold jerry>tom#4 2; "
    "at 13.35 partition tom; at 13.5 timeout jerry; at 14 set x 2 to jerry; at 14.3 get x to tom; at 15.35 heal; until 22"
)
# tom knows that set x 3 is committed, and crashes before jerry does; spike lacks all three writes.
NEW_LEADER = (
    f"{HEAD}; draws tom 8; draws jerry 8 8; draws spike 18; at 10 partition spike; at 10 set x 1; "
    "at 10.200001 set x 2; at 10.400002 set x 3; at 10.61 crash tom; at 10.61 heal; at 18.71 get x to jerry; until 22"
)


def led(*, answered: int = 0, **fields: Any) -> Any:
    """Return tom, who leads three servers in term 2 and has committed its no-op, entry 2; its last round is 4.

    Args:
        answered: The last round that jerry has answered.
        fields: What else to set.
    """
    tom = lone(14, "1 set x 1", current_term=2)
    tom.become_leader()
    tom.commit_up_to(2)
    tom.round, tom.answered_rounds = 4, {"jerry": answered} if answered else {}
    for name, value in fields.items():
        setattr(tom, name, value)
    effects(tom)
    return tom


def reply(number: int, *, match_index: int = 2, term: int = 2) -> AppendEntriesReply:
    """Build a follower's answer to a call of a round."""
    return AppendEntriesReply(
        term=term, success=True, prev_log_index=match_index, match_index=match_index, round=number
    )


def read_of(text: str, node_class: type, client: str = "client#3") -> object:
    """Run a scenario, and return the answer to a client; None without one."""
    return Cluster.replay(text, node_class)._simulation.responses.get(client)


def test_deposed_leader_does_not_answer() -> None:
    """A leader that was cut off answers from its old state before this step, and does not answer in this step."""
    before = Cluster.replay(CUT_OFF.replace("step 14", "step 13"))
    after = Cluster.replay(CUT_OFF)

    assert "violated" == check_linearizable(before.history()).verdict
    assert "ok" == check_linearizable(after.history()).verdict
    assert "client#3" not in after._simulation.responses


def test_old_answer_does_not_confirm_a_new_round() -> None:
    """A reply to a call before the read does not count: the round must be a later one than any that has begun."""
    assert Ok(value="1") == read_of(LATE_REPLIES, wrong.AnyAnswerCounts)
    assert Ok(value="1") == read_of(ROUND_UNDER_WAY, wrong.RoundUnderWayCounts)
    assert read_of(LATE_REPLIES, step_14.Node) is read_of(ROUND_UNDER_WAY, step_14.Node) is None


def test_new_leader_waits_for_its_own_entry() -> None:
    """A new leader knows what is committed once an entry of its term is; its own commit index is too old."""
    assert Ok(value="2") == read_of(NEW_LEADER, wrong.CommitIndexOfANewLeader, "client#4")
    assert Ok(value="3") == read_of(NEW_LEADER, step_14.Node, "client#4")


def test_read_begins_a_round() -> None:
    """If no round is under way, a read calls every follower at once, in a later round."""
    tom = led(answered=4)
    tom.on_client_request("ann", Get(key="x"))
    calls = sent(tom)

    assert ["jerry", "spike"] == [to for to, _ in calls]
    assert {5} == {call.round for _, call in calls}


def test_majority_confirms_a_round() -> None:
    """Two of three servers are enough, the leader included; the answer has the value of the state machine."""
    tom = led(answered=4)
    tom.on_client_request("ann", Get(key="x"))
    effects(tom)
    tom.on_append_entries_reply("spike", reply(5))

    assert [("reply", "ann", Ok(value="1"))] == effects(tom, "reply")


@pytest.mark.parametrize("message", [reply(4), reply(4, match_index=1), reply(9, term=1)])
def test_other_answers_confirm_nothing(message: AppendEntriesReply) -> None:
    """An answer to an earlier round does not count, and neither does one of an earlier term."""
    tom = led(answered=4)
    tom.on_client_request("ann", Get(key="x"))
    effects(tom)
    tom.on_append_entries_reply("spike", message)

    assert [] == effects(tom, "reply")


def test_refusal_confirms_a_round() -> None:
    """A follower that lacks an entry follows nevertheless."""
    tom = led(answered=4)
    tom.on_client_request("ann", Get(key="x"))
    effects(tom)
    tom.on_append_entries_reply(
        "spike", AppendEntriesReply(term=2, success=False, prev_log_index=1, match_index=0, round=5)
    )

    assert [("reply", "ann", Ok(value="1"))] == effects(tom, "reply")


def test_reads_share_the_next_round() -> None:
    """Reads that arrive while a round is under way wait, and one more round is enough for all of them."""
    tom = led(answered=4)
    for client in ("ann", "bob", "cat"):
        tom.on_client_request(client, Get(key="x"))
    assert {5} == {call.round for _, call in sent(tom)}

    tom.on_append_entries_reply("jerry", reply(5))
    assert ["ann"] == [effect[1] for effect in tom.effects if effect[0] == "reply"]
    assert {6} == {call.round for _, call in sent(tom)}

    tom.on_append_entries_reply("jerry", reply(6))
    assert ["bob", "cat"] == [effect[1] for effect in effects(tom, "reply")]
    assert [] == sent(tom)


def test_heartbeat_begins_a_round_too() -> None:
    """If the calls of a round are lost, the answers to the next heartbeat confirm it."""
    tom = led(answered=4)
    tom.on_client_request("ann", Get(key="x"))
    tom.on_heartbeat_timeout()
    effects(tom)
    tom.on_append_entries_reply("jerry", reply(6))

    assert [("reply", "ann", Ok(value="1"))] == effects(tom, "reply")


def test_late_answer_takes_nothing_back() -> None:
    """An answer to an earlier round that arrives late does not undo a later one."""
    tom = led(answered=4, servers=("tom", "jerry", "spike", "tyke", "butch"))
    tom.on_client_request("ann", Get(key="x"))
    effects(tom)
    for follower, number in (("jerry", 5), ("jerry", 3), ("spike", 5)):
        tom.on_append_entries_reply(follower, reply(number))

    assert [("reply", "ann", Ok(value="1"))] == effects(tom, "reply")


def test_deposed_leader_forgets_its_reads() -> None:
    """A server that follows answers none of the reads that waited for a round."""
    tom = led(answered=4)
    tom.on_client_request("ann", Get(key="x"))
    tom.learn_term(3)
    effects(tom)

    assert {} == tom.unconfirmed_reads
    tom.on_append_entries_reply("spike", reply(5))
    assert [] == effects(tom)


@pytest.mark.parametrize("prev_log_index, success", [(1, True), (4, False)])
def test_follower_repeats_the_round(prev_log_index: int, success: bool) -> None:
    """An answer has the round of its call, whether the entries fit or not."""
    jerry = lone(14, "1 set x 1", name="jerry", current_term=2)
    call = AppendEntries(term=2, prev_log_index=prev_log_index, prev_log_term=1, entries=(), leader_commit=0, round=7)
    jerry.on_append_entries("tom", call)
    ((to, answer),) = sent(jerry)

    assert ("tom", success, 7) == (to, answer.success, answer.round)
    assert "tom" == jerry.leader


def test_single_server_answers_at_once() -> None:
    """A server without peers is a majority."""
    cluster = Cluster(14, 1).run(20)
    cluster.set("x", 1)

    assert Ok(value="1") == cluster.get("x")


def test_reads_write_nothing() -> None:
    """A hundred reads in a tenth of a second cost two rounds and no write; as many writes cost two calls each."""

    def cost(request: str) -> tuple[int, int]:
        asked = "; ".join(f"at {10 + number / 1000:.3f} {request}" for number in range(100))
        text = f"{HEAD}; draws tom 8; draws jerry 18; draws spike 18; {asked}; until 12"
        traffic = Traffic(with_bytes=False)
        scenario = Scenario.parse(text)
        Simulation(scenario, record=False, monitor=traffic).run_until(scenario.end_us)
        return traffic.calls, sum(traffic.stored.values())

    calls, writes = cost("get x")
    assert (calls + 196, writes + 300) == cost("set x 1")
    assert 8 == calls


def test_read_that_arrives_costs_no_look_at_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """With many clients, the work for each read would otherwise grow with the number of those that wait."""
    tom = lone(14, name="tom", current_term=1)
    tom.become_leader()
    looks = 0

    def counted(number: int) -> bool:
        nonlocal looks
        looks += 1
        return step_14.Node.is_confirmed(tom, number)

    monkeypatch.setattr(tom, "is_confirmed", counted)
    for number in range(100):
        tom.on_client_request(f"client#{number}", Get(key="x"))

    assert 200 == looks


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_every_history_of_a_sweep_is_linearizable(profile: str) -> None:
    """All rules, that about reads included, hold at every event, whatever goes wrong."""
    rules = [rule for rule in ALL_RULES if rule is not SERVICE]
    broken = {seed: try_scenario(adversity(14, profile, seed, seconds=10), rules).broken for seed in range(15)}

    assert {""} == set(broken.values()), broken


def test_the_step_before_breaks_the_rule() -> None:
    """Before this step, some runs have stale reads; the same runs have none in this step."""
    seeds = (7, 19, 22)
    for step, expected in ((13, LINEARIZABLE_READS.name), (14, "")):
        broken = {try_scenario(adversity(step, "partitions", seed), [LINEARIZABLE_READS]).broken for seed in seeds}
        assert {expected} == broken


# Wrong Nodes, real bugs among them: a profile, and a seed that finds it.
FOUND = (
    (wrong.AnswersAtOnce, 0),
    (wrong.AnyAnswerCounts, 0),
    (wrong.RoundUnderWayCounts, 11),
    (wrong.ConfirmedRoundCounts, 0),
    (wrong.CommitIndexOfANewLeader, 0),
    (wrong.ValueIsTakenAtOnce, 0),
    (wrong.HasALease, 3),
    (wrong.NumbersAreReused, 0),
    (wrong.UncommittedWritesAreSeen, 8),
)


@pytest.mark.parametrize("node_class, seed", FOUND, ids=lambda value: getattr(value, "__name__", ""))
def test_stale_read_is_found(node_class: type, seed: int) -> None:
    """A run of the profile `successions` finds the mistake, and the course's Node has no stale read in the same run."""
    scenario = adversity(None, "successions", seed, node_class=node_class)

    assert LINEARIZABLE_READS.name == try_scenario(scenario, [LINEARIZABLE_READS], node_class).broken
    assert not try_scenario(scenario, [LINEARIZABLE_READS], step_14.Node).broken


# The exercises of the notebook: reads with a lease.


class Leases(step_14.Node):
    """Answers alone for two seconds after a round, at most seven seconds after its calls were sent."""

    has_lease: bool = False

    def confirm_reads(self) -> None:
        super().confirm_reads()
        if self.is_confirmed(self.round):
            self.has_lease = True
            self.start_timer("lease", 2)

    def on_lease_timeout(self) -> None:
        self.has_lease = False

    def answer_read(self, client: str, request: Get) -> None:
        if self.has_lease:
            self.open_reads[client] = (self.read_index(), request)
            self.answer_clients()
        else:
            super().answer_read(client, request)


class VotersRefuse(Leases):
    """A server does not vote until eight seconds after the last call of its leader."""

    hears_leader: bool = False

    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        super().on_append_entries(sender, message)
        if message.term == self.current_term:
            self.hears_leader = True
            self.start_timer("hearing", 8)

    def on_hearing_timeout(self) -> None:
        self.hears_leader = False

    def on_request_vote(self, sender: str, message: Any) -> None:
        if not self.hears_leader:
            super().on_request_vote(sender, message)


VOTE = (
    f"{HEAD}; draws tom 8; draws jerry 18; draws spike 12; at 12 set x 1; at 12.6 partition spike; at 24 heal; "
    "at 24 partition tom; at 24.31 set x 2 to spike; at 24.510001 get x to tom; until 26"
)
DRIFT = (
    f"{HEAD}; draws tom DRAW; draws jerry 12; draws spike 18; clock tom RATE; at 12 set x 1; at 18.35 hold jerry>tom#NUMBER 9.6; "
    "at 18.6 cut tom>jerry; at 18.6 cut tom>spike; at 28.1 partition tom; at 30.8 set x 2 to jerry; "
    "at 31.1 get x to tom; until 33"
)


def test_lease_is_stale_with_perfect_clocks() -> None:
    """A follower that has just heard from its leader votes for another one: the lease of a second to spare is none."""
    stale = Cluster.replay(VOTE, Leases)

    assert Ok(value="1") == stale._simulation.responses["client#3"]
    assert "violated" == check_linearizable(stale.history()).verdict
    assert "ok" == check_linearizable(Cluster.replay(VOTE, VotersRefuse).history()).verdict


def test_lease_is_stale_if_a_clock_is_slow() -> None:
    """Even if voters refuse, a leader whose clock runs at half speed relies on a reply that is too old."""
    slow = DRIFT.replace("DRAW", "4").replace("RATE", "0.5").replace("NUMBER", "4")
    exact = DRIFT.replace("DRAW", "8").replace("RATE", "1").replace("NUMBER", "5")

    assert Ok(value="1") == read_of(slow, VotersRefuse)
    assert read_of(exact, VotersRefuse) is None


def test_cut_off_client_waits() -> None:
    """A server that reaches no majority cannot answer reads: its client gets no answer."""
    cluster = Cluster(14, draws={"tom": [8]}, network={"delay": (0.1, 0.1)}).run(10)
    cluster.partition("tom")

    assert isinstance(cluster.get("x", to="tom"), NoAnswer)


def test_reads_need_no_new_durable_field() -> None:
    """Rounds are not on disk: a server that restarts leads only in a new term."""
    assert node(13).durable == node(14).durable
