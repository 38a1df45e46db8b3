"""The checks of step 8 pass right Nodes and catch the usual mistakes."""

import pytest

from raft_steps import node
from raft_steps.lab.checks import check
from raft_steps.lab.node import removed
from tests.checks.check_tools import check_names, failed_checks, first_failure, marked_event, unwrapped, wrong_nodes_of
from tests.checks.wrong_nodes import step_08 as wrong

CAUGHT_BY: dict[type, str] = {
    wrong.TimerIsNotRestarted: "a failed candidate runs again",
    wrong.TermIsNotRaised: "a failed candidate runs again",
    wrong.NothingIsDrawn: "each election has its own timeout",
    wrong.DrawsTooLate: "each election has its own timeout",
    wrong.DrawIsNotUsed: "each election has its own timeout",
    wrong.DrawsWhileFollowing: "each election has its own timeout",
    wrong.DrawsForTheFirstElectionOnly: "each election has its own timeout",
    wrong.NeverDrawsTheLongest: "timeouts are from 8 to 18 seconds",
    wrong.CountsTheVoteThatItGave: "an election is otherwise as before",
    wrong.HeartbeatsReturn: "stepping down is as before",
    wrong.VoteIsTakenBack: "an election is otherwise as before",
    wrong.DrawsFractions: "timeouts are from 8 to 18 seconds",
    wrong.DrawsBeyondTheRange: "timeouts are from 8 to 18 seconds",
    wrong.WaitsLongerEachTime: "timeouts are from 8 to 18 seconds",
    wrong.DrawsFromTheModule: "timeouts come from self random",
    wrong.DrawsByName: "a split vote is resolved",
    wrong.OwnVoteIsRemembered: "a split vote is resolved",
    wrong.AttributeStays: "there is no candidate attribute",
    wrong.OwnVoteIsForgotten: "an election is otherwise as before",
    wrong.LoneServerIsForgotten: "an election is otherwise as before",
    wrong.AttributeIsStillSet: "becoming leader is as before",
    wrong.HeartbeatsAreForgotten: "becoming leader is as before",
    wrong.VoteIsForgottenToo: "stepping down is as before",
    wrong.SilenceIsForgotten: "stepping down is as before",
}
# These Nodes never win, so they resolve no split vote either, and that check comes first.
NOT_FIRST = {wrong.OwnVoteIsForgotten, wrong.AttributeIsStillSet}


def test_step_8_passes() -> None:
    """The step's own Node passes every check."""
    assert [] == failed_checks(node(8), 8)


def test_step_7_waits_the_same_time_again() -> None:
    """In step 7 a timeout never changes, two equal ones split every vote, and the attribute exists."""
    about = [
        "each election has its own timeout",
        "a split vote is resolved",
        "there is no candidate attribute",
    ]

    assert about == failed_checks(node(7), 8)


@pytest.mark.parametrize("node_class", CAUGHT_BY, ids=lambda node_class: node_class.__name__)
def test_wrong_node_fails_its_check(node_class: type) -> None:
    """Each mistake is caught by its check, which fails first except where NOT_FIRST lists the Node."""
    failed = failed_checks(node_class, 8)

    assert CAUGHT_BY[node_class] in (failed if node_class in NOT_FIRST else failed[:1])


def test_every_check_and_every_wrong_node_is_used() -> None:
    """Every check catches a wrong Node, and every wrong Node is in the table."""
    assert set(check_names(8)) == set(CAUGHT_BY.values())
    assert set(CAUGHT_BY) == wrong_nodes_of(wrong, right={"Rest"})


def test_super_that_uses_a_removed_attribute_is_explained() -> None:
    """If a Node removes is_candidate and calls super().start_election(), the failure says to write the whole method."""

    class Node(node(7)):  # type: ignore[misc]
        is_candidate = removed("nothing reads it")

        def start_election(self) -> None:
            super().start_election()

    message = first_failure(Node, 8).message

    assert "is_candidate is gone: nothing reads it; the start_election of an earlier step uses it: " in message
    assert "write the whole method start_election yourself, without super()" in message
    assert "super().start_election(), which led to" in message


def test_another_way_to_draw_is_right() -> None:
    """A timeout may be drawn with any method of the node's own generator."""

    class Node(wrong.Rest):
        def draw_election_timeout(self) -> None:
            self.election_timeout = self.random.choice(range(8, 19))

    assert [] == failed_checks(Node, 8)


def test_a_draw_with_every_start_is_right() -> None:
    """A Node may draw whenever the timer starts, as many others do: an election begins with a new timeout too."""

    class Node(wrong.Rest):
        def wait_for_the_next(self) -> None:
            self.start_election_timer()

        def start_election_timer(self) -> None:
            self.draw_election_timeout()
            self.start_timer("election", self.election_timeout)

    assert [] == failed_checks(Node, 8)


def test_report_is_the_same_each_time_even_of_a_random_node() -> None:
    """A Node that draws with Python's module random behaves differently in every run; its report is the same."""
    first, second = (first_failure(wrong.DrawsFromTheModule, 8) for _ in range(2))

    assert str(first) == str(second)
    assert first.picture() is None


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.DrawsTooLate,
            (
                "tom waited 8 s, starts an election and draws a new timeout, but starts its election timer with "
                "the old 8 s: draw first, then start the timer with the new timeout"
            ),
        ),
        (
            wrong.DrawsBeyondTheRange,
            "tom starts its election timer with 19 s; a timeout is a whole number of seconds from 8 to 18",
        ),
        (
            wrong.DrawsByName,
            (
                "tom is down; jerry and spike have the same timeout and split the vote. After 60 s one of them "
                "should lead, but they start elections at the same time 4 times"
            ),
        ),
        (
            wrong.OwnVoteIsRemembered,
            (
                "tom is down; jerry and spike have the same timeout and split the vote. After 60 s one of them "
                "should lead, but neither wins an election; jerry's voted_for is 'jerry': until step 9 a "
                "candidate's vote for itself does not set voted_for, because a server that has set it never votes"
                " again"
            ),
        ),
        (
            wrong.TermIsNotRaised,
            "tom was in term 0 and starts an election: it should ask for votes in term 1, not 0",
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 8).message


def test_a_method_that_uses_a_removed_attribute_is_named() -> None:
    """If one method still sets the removed attribute, the report names the line and the reason."""
    report = unwrapped(str(check(wrong.AttributeIsStillSet, 8)))

    assert "raised AttributeError: is_candidate is gone: nothing reads it" in report
    assert "step_07_heartbeat_timer.py, line 24: self.is_candidate = False" in report


@pytest.mark.parametrize(
    "node_class, event",
    [
        (wrong.NothingIsDrawn, ("timer_started", 8.0, "tom")),
        (wrong.TermIsNotRaised, ("sent", 8.0, "tom")),
        (wrong.DrawsByName, ("sent", 26.0, "jerry")),
    ],
)
def test_marks_the_first_event_that_breaks_the_rule(node_class: type, event: tuple[str, float, str]) -> None:
    """The picture marks the first event that shows the mistake."""
    assert event == marked_event(node_class, 8)
