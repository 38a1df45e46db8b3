"""The checks of step 6 pass right Nodes and catch the usual mistakes."""

import pytest

from raft_steps import node
from raft_steps.step_05_term_in_append_entries import AppendEntries
from tests.checks.check_tools import check_names, failed_checks, first_failure, marked_event, wrong_nodes_of
from tests.checks.wrong_nodes import step_06 as wrong

CAUGHT_BY: dict[type, str] = {
    wrong.OlderTermIsFollowed: "an older term is refused",
    wrong.RefusalIsAFailure: "an older term is refused",
    wrong.RefusalIsSilence: "an older term is refused",
    wrong.RefusalCarriesTheOldTerm: "an older term is refused",
    wrong.TimerComesFirst: "a refused call changes nothing",
    wrong.VoteIsForgottenToo: "a refused call changes nothing",
    wrong.ElseIsForgotten: "a refused call changes nothing",
    wrong.CandidateGivesUp: "a candidate that refuses stays a candidate",
    wrong.FollowingComesFirst: "a leader that refuses keeps leading",
    wrong.OwnTermIsRefused: "a term at least as new is followed",
    wrong.DropsAtRandom: "a term at least as new is followed",
    wrong.TermIsNotAdopted: "a term at least as new is followed",
    wrong.TimerIsForgotten: "a term at least as new is followed",
    wrong.CandidateStaysCandidate: "a candidate follows the leader of its term",
    wrong.LeaderStaysLeader: "a term at least as new deposes a leader",
    wrong.OnlyNewTermsDepose: "a term at least as new deposes a leader",
    wrong.DeposedForever: "a deposed leader can run again",
    wrong.VoteIsForgottenByFollowing: "a term at least as new is followed",
    wrong.AnswerNamesTheLastEntry: "a call is otherwise handled as before",
    wrong.MissingEntryIsSilence: "a call is otherwise handled as before",
    wrong.RefusalIsRetried: "a refused leader does not retry",
    wrong.RefusalSetsTheTerm: "a refused leader does not retry",
    wrong.RefusalHasNoHandler: "a refused leader does not retry",
}
# This Node also answers after its refusal, and the check of the answers comes first.
NOT_FIRST = {wrong.ElseIsForgotten}


@pytest.mark.parametrize("step", [6, 7, 8])
def test_later_nodes_pass(step: int) -> None:
    """Later steps keep the rules of step 6, until in step 9 a leader acts on a refusal."""
    assert [] == failed_checks(node(step), 6)


def test_step_5_follows_every_call() -> None:
    """The Node of step 5 follows every call, and deposes no leader."""
    still = {
        "a term at least as new is followed",
        "a deposed leader can run again",
        "a call is otherwise handled as before",
    }

    assert [name for name in check_names(6) if name not in still] == failed_checks(node(5), 6)


@pytest.mark.parametrize("node_class", CAUGHT_BY, ids=lambda node_class: node_class.__name__)
def test_wrong_node_fails_its_check(node_class: type) -> None:
    """Each mistake is caught by its check, which fails first except where NOT_FIRST lists the Node."""
    failed = failed_checks(node_class, 6)

    assert CAUGHT_BY[node_class] in (failed if node_class in NOT_FIRST else failed[:1])


def test_a_vote_cleared_by_a_newer_term_is_right() -> None:
    """A Node that clears its vote with a newer term, as in step 9, passes: it votes once in a term."""

    class Node(wrong.Rest):
        def follow(self, sender: str, message: AppendEntries) -> None:
            if message.term > self.current_term:
                self.voted_for = None
            super().follow(sender, message)

    assert [] == failed_checks(Node, 6)


def test_every_check_and_every_wrong_node_is_used() -> None:
    """Every check catches a wrong Node, and every wrong Node is in the table."""
    assert set(check_names(6)) == set(CAUGHT_BY.values())
    assert set(CAUGHT_BY) == wrong_nodes_of(wrong, right={"Rest"})


def test_report_of_a_timer_that_comes_first() -> None:
    """The whole report of one mistake."""
    assert """\
  FAIL  a refused call changes nothing
        tom is a follower in term 3 and should refuse jerry's call of term 2 and change nothing; but its
        election timer was due at 8.2 s and is due at 10.4 s now
        The event, at 2.4 s: tom receives AppendEntries of term 2 from jerry
        The rule (Raft 11: "Everything we previously did in an append_entries response […] only happens in an
        else block"): A refused call changes nothing: neither log nor vote, and the election timer is not
        restarted.""" == str(first_failure(wrong.TimerComesFirst, 6))


@pytest.mark.parametrize(
    "node_class, message",
    [
        (
            wrong.RefusalCarriesTheOldTerm,
            (
                "tom is in term 4, and jerry's call has term 2: tom should answer jerry with "
                "AppendEntriesRefused(term=4); its refusal carries term 2"
            ),
        ),
        (
            wrong.OwnTermIsRefused,
            (
                "tom is a follower in term 3 and receives jerry's call of term 3: its log should be '3 set x 1; 3"
                " set y 2' now, but is '3 set x 1'"
            ),
        ),
        (
            wrong.OnlyNewTermsDepose,
            (
                "tom leads in term 4 and receives jerry's call of term 4: it should follow jerry now, but "
                "is_leader is still True"
            ),
        ),
        (
            wrong.VoteIsForgottenByFollowing,
            (
                "tom voted for spike in term 4 and then received a call of term 3, its own; now jerry asks for a "
                "vote in term 4, and tom votes a second time: a call should not change the vote, but tom's "
                "voted_for was 'spike' before it and None after it"
            ),
        ),
        (
            wrong.RefusalIsRetried,
            (
                "tom leads in term 4, and jerry, in term 7, refuses its call: tom should send nothing in "
                "response, but sends AppendEntries at once"
            ),
        ),
        (
            wrong.RefusalHasNoHandler,
            ("the Node has no on_append_entries_refused(self, sender, message), the handler of AppendEntriesRefused"),
        ),
    ],
)
def test_message_says_what_should_happen_and_what_happened(node_class: type, message: str) -> None:
    """A failure names the state, what arrived, what should happen and what happened instead."""
    assert message == first_failure(node_class, 6).message


@pytest.mark.parametrize(
    "node_class, event",
    [
        (wrong.RefusalIsSilence, ("delivered", 13.2, "tom")),
        (wrong.RefusalIsAFailure, ("sent", 13.2, "tom")),
        (wrong.CandidateGivesUp, ("delivered", 10.2, "tom")),
        (wrong.DeposedForever, ("delivered", 13.4, "tom")),
        (wrong.VoteIsForgottenByFollowing, ("sent", 0.6, "tom")),
        (wrong.RefusalIsRetried, ("sent", 15.4, "tom")),
    ],
)
def test_marks_the_first_event_that_breaks_the_rule(node_class: type, event: tuple[str, float, str]) -> None:
    """The picture marks the first event that shows the mistake."""
    assert event == marked_event(node_class, 6)
