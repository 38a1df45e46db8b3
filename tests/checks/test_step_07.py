"""The checks of step 7 pass right Nodes and catch the usual mistakes."""

import pytest

from raft_steps import node
from raft_steps import step_06_term_checks as step_06
from tests.checks.check_tools import check_names, failed_checks, first_failure, marked_event, wrong_nodes_of
from tests.checks.wrong_nodes import step_07 as wrong

CAUGHT_BY: dict[type, str] = {
    wrong.FirstHeartbeatWaits: "a new leader sends heartbeats at once",
    wrong.FirstHeartbeatIsDoubled: "a new leader sends heartbeats at once",
    wrong.OneHeartbeatOnly: "a leader sends heartbeats every interval",
    wrong.TimerIsNotStartedAgain: "a leader sends heartbeats every interval",
    wrong.NothingIsCancelled: "a deposed leader stops its heartbeats",
    wrong.AnotherTimerIsCancelled: "a deposed leader stops its heartbeats",
    wrong.OnlyNewTermsSilence: "a deposed leader stops its heartbeats",
    wrong.AnyCallSilences: "a refused call does not stop the heartbeats",
    wrong.LeadsOnlyOnce: "a reelected leader sends heartbeats again",
    wrong.EveryoneSends: "only a leader sends heartbeats",
    wrong.RunsAgainstItself: "a leader does not start an election",
    wrong.LogIsNotReplayed: "a new leader has applied its whole log",
    wrong.CandidacyDoesNotEnd: "role changes are otherwise as before",
    wrong.VoteIsForgottenToo: "role changes are otherwise as before",
    wrong.WaitsForAHeartbeat: "role changes are otherwise as before",
    wrong.WaitingIsForgotten: "role changes are otherwise as before",
}
# This Node never starts another election, so it is not elected again, and that check comes first.
NOT_FIRST = {wrong.WaitingIsForgotten}


@pytest.mark.parametrize("step", [7, 8])
def test_later_nodes_pass(step: int) -> None:
    """Later steps keep the rules of step 7."""
    assert [] == failed_checks(node(step), 7)


def test_step_6_does_not_stop_its_heartbeats() -> None:
    """The Node of step 6 passes all checks but one: a deposed leader continues to send heartbeats."""
    assert ["a deposed leader stops its heartbeats"] == failed_checks(node(6), 7)


@pytest.mark.parametrize("node_class", CAUGHT_BY, ids=lambda node_class: node_class.__name__)
def test_wrong_node_fails_its_check(node_class: type) -> None:
    """Each mistake is caught by its check, which fails first except where NOT_FIRST lists the Node."""
    failed = failed_checks(node_class, 7)

    assert CAUGHT_BY[node_class] in (failed if node_class in NOT_FIRST else failed[:1])


def test_every_check_and_every_wrong_node_is_used() -> None:
    """Every check catches a wrong Node, and every wrong Node is in the table."""
    assert set(check_names(7)) == set(CAUGHT_BY.values())
    assert set(CAUGHT_BY) == wrong_nodes_of(wrong, right={"Starts", "Stops"})


def test_another_way_to_stop_is_right() -> None:
    """Only sent messages count: a timer that checks the role is as good as one that is cancelled."""

    class Node(step_06.Node):
        def on_heartbeat_timeout(self) -> None:
            if self.is_leader:
                self.send_heartbeat()
                self.start_timer("heartbeat", self.heartbeat_interval)

    assert [] == failed_checks(Node, 7)


def test_cancelling_is_enough() -> None:
    """A leader has started the timer since step 2, so that only cancelling it is new."""
    assert [] == failed_checks(wrong.Stops, 7)


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.OnlyNewTermsSilence,
            (
                "tom led in term 4 until jerry's call of term 4: it should send no more heartbeats, but at 18.2 s"
                " it sends one"
            ),
        ),
        (
            wrong.AnotherTimerIsCancelled,
            (
                "tom led in term 4 until jerry's call of term 5: it should send no more heartbeats, but at 18.2 s"
                " it sends one: it cancelled a timer 'heartbeats', which was never started; the timers are "
                "election and heartbeat"
            ),
        ),
        (
            wrong.WaitingIsForgotten,
            (
                "tom was deposed by jerry's call of term 5 and should start its election timer, so that it can be"
                " elected again; the election timer is off, so this check cannot go on"
            ),
        ),
        (
            wrong.LeadsOnlyOnce,
            (
                "tom has led for the second time since 26.6 s. Until 37.6 s it should call jerry at 26.6, 31.6 "
                "and 36.6 s, but does so at 26.6 s"
            ),
        ),
        (
            wrong.LogIsNotReplayed,
            "tom was elected with '1 set x 1' in its log: a client that reads x should get '1', but gets None",
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 7).message


@pytest.mark.parametrize(
    "node_class, event",
    [
        (wrong.FirstHeartbeatWaits, ("role", 13.2, "tom")),
        (wrong.NothingIsCancelled, ("sent", 18.2, "tom")),
        (wrong.EveryoneSends, ("sent", 5.0, "tom")),
        (wrong.LogIsNotReplayed, ("answered", 13.4, "tom")),
    ],
)
def test_marks_the_first_event_that_breaks_the_rule(node_class: type, event: tuple[str, float, str]) -> None:
    """The picture marks the first event that shows the mistake."""
    assert event == marked_event(node_class, 7)
