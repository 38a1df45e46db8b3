"""The diagnostics: an error describes the mistake in a Node, and not where the laboratory tripped over it.

Each test runs a cluster of Nodes that make one mistake. The error must name the server, the handler and the time, and
the line of the Node if there is one.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Ok
from raft_steps.lab.errors import NodeError
from raft_steps.lab.log import Entry
from raft_steps.lab.messages import message
from raft_steps.lab.node import removed
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import default_scenario
from raft_steps.step_04_leader_election import RequestVote
from raft_steps.step_05_term_in_append_entries import AppendEntries
from tests.helpers.runs import changed
from tests.runtime.mistaken_nodes import Gossip, failure, on_election_timeout

AT_11_S = "jerry's {}, at 11 s, "  # With seed 0, jerry is the first whose election timer runs out.


def test_exception_names_handler_time_and_line() -> None:
    """An exception becomes a sentence about the Node, with the line of the Node's source."""
    error = failure(on_election_timeout(lambda _: 1 / 0))

    assert AT_11_S.format("on_election_timeout") + "raised ZeroDivisionError: division by zero\n" in str(error)
    assert "test_diagnostics.py, line " in str(error)
    assert ("jerry", "on_election_timeout") == (error.server, error.handler)


def test_exception_in_a_helper_names_the_helper_s_line() -> None:
    """The error names the innermost line of the Node, not of the laboratory."""

    def start_election(self: Any) -> None:
        self.log[5]

    error = failure(changed(8, start_election=start_election))

    assert "raised LogError: there is no entry 5; the log ends at 0\n" in str(error)
    assert "self.log[5]" in str(error)


def test_exception_in_inherited_code_names_the_learners_line_first() -> None:
    """A learner's method breaks a field and an earlier step's method fails: the error has both lines, the learner's first."""

    def start_election(self: Any) -> None:
        self.votes = None
        super(node_class, self).start_election()

    node_class: Any = changed(8, start_election=start_election)
    error = str(failure(node_class))

    assert re.search(
        r"raised AttributeError: 'NoneType' object has no attribute 'add'\n"
        r"  test_diagnostics\.py, line \d+: super\(node_class, self\)\.start_election\(\), which led to\n"
        r"  step_08_\w+\.py, line \d+: self\.votes\.add\(self\.name\)$",
        error,
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # The first try may hit a collection.
@pytest.mark.usefixtures("impatient")
def test_endless_loop_in_inherited_code_names_the_learners_line_first() -> None:
    """The same is true of a loop in an inherited method."""

    def peers(_self: Any) -> Any:
        return itertools.repeat("tom")

    def start_election(self: Any) -> None:
        self.send_heartbeat()

    error = str(failure(changed(8, peers=peers, start_election=start_election)))

    assert re.search(
        r"did not come back within a second: an endless loop\?\n"
        r"  test_diagnostics\.py, line \d+: self\.send_heartbeat\(\), which led to\n  step_0\d_\w+\.py, line \d+: ",
        error,
    )


def test_suggested_name_is_one_that_people_write() -> None:
    """A similar name is suggested, but not one of Python's special names with underscores."""
    error = failure(on_election_timeout(lambda node: node.current_term.add(1)))

    assert "raised AttributeError: 'int' object has no attribute 'add'\n" in str(error)
    assert "; did you mean 'current_term'?" in str(failure(on_election_timeout(lambda node: node.curent_term)))
    # There is a method on_heartbeat_timeout, which is more similar, but nothing is called here.
    assert "; did you mean 'heartbeat_interval'?" in str(
        failure(on_election_timeout(lambda node: node.heartbeat_timeout))
    )


def test_exception_in_inherited_code_alone_names_the_inherited_line() -> None:
    """If no line of the learner's is involved, the error has the inherited line only."""
    node_class = changed(8, become_follower=None)
    cluster = Cluster(node_class, 3)
    with pytest.raises(NodeError) as caught:
        cluster.run(60)

    assert "which led to" not in str(caught.value)
    assert re.search(r"\n  step_0\d_\w+\.py, line \d+: self\.become_follower", str(caught.value))


@pytest.mark.parametrize("arguments, count", [(("tom",), 2), (("tom", 3), 3)])
def test_positional_fields_are_reported(arguments: tuple[object, ...], count: int) -> None:
    """The error for a message that is built without the names of its fields shows how to build it."""
    build: Any = RequestVote

    def start_election(self: Any) -> None:
        self.broadcast(build(*arguments))

    error = failure(changed(8, start_election=start_election))

    assert (
        f"raised TypeError: RequestVote.__init__() takes 1 positional argument but {count} were given; "
        "the fields of a message are named, as in RequestVote(term=…)\n"
    ) in str(error)


@pytest.mark.parametrize("value", [True, 0, "", [1]])
def test_returned_value_is_refused(value: object) -> None:
    """A handler returns nothing: it acts through self.send and the like."""
    error = failure(on_election_timeout(lambda _: value))

    assert AT_11_S.format("on_election_timeout") + f"returned {value!r}; a handler returns nothing" in str(error)


def test_wrong_type_in_a_message_is_found() -> None:
    """A term that is text is found when the message leaves; the error names message and field."""

    def start_election(self: Any) -> None:
        self.broadcast(RequestVote(term=str(self.current_term)))  # type: ignore[arg-type]

    error = failure(changed(8, start_election=start_election))

    assert AT_11_S.format("on_election_timeout") + "sent what it cannot send: RequestVote.term should be int" in str(
        error
    )


def test_wrong_type_of_a_field_may_be_a_mistake_in_the_class() -> None:
    """A number does not fit into a field that is declared as text: the error shows what to write in the class."""

    @message
    class RequestVote:
        term: str

    act = on_election_timeout(lambda node: node.broadcast(RequestVote(term=node.current_term)))

    assert str(failure(act)).endswith(
        "RequestVote.term should be str, not 0 (int); the value is wrong, or the order of two arguments; "
        "or, in a class of your own: term: int"
    )


def test_missing_term_is_found() -> None:
    """A message without its term cannot be built; the error has the line that tries."""

    def append_entries_after(_self: Any, prev_log_index: int) -> AppendEntries:
        return AppendEntries(prev_log_index=prev_log_index, prev_log_term=0, entries=())  # type: ignore[call-arg]

    error = failure(changed(8, append_entries_after=append_entries_after))

    assert "missing 1 required keyword-only argument: 'term'\n" in str(error)
    assert "return AppendEntries(prev_log_index" in str(error)


@pytest.mark.parametrize("thing", ["hello", ("hello",), {"term": 1}, RequestVote])
def test_only_messages_can_be_sent(thing: object) -> None:
    """Text, tuples, dictionaries and classes are not messages."""
    error = failure(on_election_timeout(lambda node: node.broadcast(thing)))

    assert "sent what it cannot send: " in str(error)
    assert "is not a message; build one" in str(error)


def test_comma_too_many_is_reported() -> None:
    """A comma at the end of a line makes a tuple, and the error says so."""
    error = failure(on_election_timeout(lambda node: node.broadcast((RequestVote(term=1),))))

    assert str(error).endswith("(RequestVote(term=1),) is a tuple, not a message: there is one comma too many after it")


def test_message_that_is_not_returned_names_the_line() -> None:
    """A method builds a message and does not return it: the error names that method and its line, not the handler."""

    def append_entries_after(self: Any, prev_log_index: int) -> None:
        AppendEntries(
            term=self.current_term,
            prev_log_index=prev_log_index,
            prev_log_term=self.log[prev_log_index].term,
            entries=self.log.entries_after(prev_log_index),
        )

    text = str(failure(changed(5, append_entries_after=append_entries_after)))

    assert "sent None: append_entries_after builds a message and does not return it\n" in text
    assert re.search(r"\n  test_diagnostics.py, line \d+: AppendEntries\($", text)


def test_message_that_is_sent_where_it_is_built_names_the_line() -> None:
    """A method sends a message that it should only build: the error names it, and the line that sends."""

    def append_entries_after(self: Any, prev_log_index: int) -> None:
        call = AppendEntries(term=self.current_term, prev_log_index=prev_log_index, prev_log_term=0, entries=())
        self.broadcast(call)

    text = str(failure(changed(5, append_entries_after=append_entries_after)))

    assert "append_entries_after sends its message itself; it should return the message, and its caller" in text
    assert re.search(r"\n  test_diagnostics.py, line \d+: self.broadcast\(call\)$", text)


def test_method_that_returns_its_message_is_not_blamed() -> None:
    """However the return statement is written, a method that returns its message is not to blame."""

    def append_entries_after(self: Any, prev_log_index: int) -> AppendEntries | None:
        if prev_log_index >= 0: return(AppendEntries(term=1, prev_log_index=0, prev_log_term=0, entries=()))  # fmt: skip  # noqa: E701
        return None

    def on_election_timeout(self: Any) -> None:
        self.broadcast(self.voted_for); self.start_election_timer()  # fmt: skip  # noqa: E702

    methods = {"append_entries_after": append_entries_after, "on_election_timeout": on_election_timeout}
    text = str(failure(changed(5, **methods)))

    assert text.endswith("sent None, which is not a message; a method without a return statement returns None")


def test_none_is_sent_in_a_run_that_is_not_recorded() -> None:
    """Without a trace, None is noticed when it arrives; its sender is to blame, not its receiver."""

    def append_entries_after(self: Any, prev_log_index: int) -> None:
        AppendEntries(term=self.current_term, prev_log_index=prev_log_index, prev_log_term=0, entries=())

    simulation = Simulation(default_scenario(5, 3), changed(5, append_entries_after=append_entries_after), record=False)
    with pytest.raises(NodeError, match="sent None: append_entries_after builds a message and does not return it"):
        simulation.run_until(60_000_000)


def test_none_is_sent_and_no_method_is_to_blame() -> None:
    """If every method returns its message, the error reports None, without a line."""
    text = str(failure(on_election_timeout(lambda node: node.broadcast(None))))

    assert text.endswith("sent None, which is not a message; a method without a return statement returns None")


def test_none_in_a_field_suggests_a_missing_return() -> None:
    """The advice is not to declare a field as NoneType, because mostly a method forgot to return something."""
    error = failure(on_election_timeout(lambda node: node.broadcast(RequestVote(term=None))))  # type: ignore[arg-type]

    assert str(error).endswith(
        "RequestVote.term should be int, not None (NoneType); a method that ends without a return statement returns None. "
        "Only if None is meant, and the class RequestVote is yours: term: … | None"
    )


def test_send_without_a_receiver_shows_the_call() -> None:
    """Python's message has the missing argument; the error adds how to call the method."""

    def on_election_timeout(self: Any) -> None:
        self.send(RequestVote(term=1))

    error = failure(changed(8, on_election_timeout=on_election_timeout))

    assert "missing 1 required positional argument: 'message'; the call is self.send(to, message)\n" in str(error)


@pytest.mark.parametrize("name", ["term", "note"])
def test_message_cannot_be_changed(name: str) -> None:
    """Setting a field of a message that has arrived, or a new field, is reported as a change of the message."""

    def on_request_vote(_self: Any, _sender: str, message: Any) -> None:
        setattr(message, name, 5)

    error = failure(changed(8, on_request_vote=on_request_vote))

    assert "on_request_vote, at 11." in str(error)
    assert "both are immutable: build a new one instead\n" in str(error)


def test_entry_cannot_be_changed_in_place() -> None:
    """The error for setting an entry of the log shows what to do instead."""

    def write(self: Any, _client: str, _command: Any) -> None:
        self.log[1] = None

    error = failure(changed(8, write=write), lambda cluster: cluster.set("x", 1))

    assert "raised LogError: log[1] = … changes an entry in place; use truncate_after(0) and append" in str(error)


def test_wrong_signature_is_reported() -> None:
    """The error for a handler with other parameters shows how handlers are called."""

    def on_request_vote(_self: Any, _message: Any) -> None: ...

    error = failure(changed(8, on_request_vote=on_request_vote))

    assert "cannot be called as a handler is, (self, sender, message) or (self) alone" in str(error)
    assert "takes 2 positional arguments but 3 were given" in str(error)


@pytest.mark.parametrize("to", ["bob", "jerry", None])
def test_message_to_an_unknown_server_is_reported(to: Any) -> None:
    """The error for a message to a server that does not exist, or to itself, lists the other servers."""
    error = failure(on_election_timeout(lambda node: node.send(to, Gossip(text="hello"))))

    assert f"sent a message to {to!r}; the others are tom, spike" in str(error)


def test_missing_handler_of_a_message_is_reported() -> None:
    """The error for a message without a handler has the name of the missing method."""
    error = failure(on_election_timeout(lambda node: node.broadcast(Gossip(text="hello"))))

    assert "has no on_gossip: something reached it at 11." in str(error)


def test_missing_handler_of_a_timer_is_reported() -> None:
    """The same is true of a timer that runs out."""
    error = failure(on_election_timeout(lambda node: node.start_timer("patience", 1)))

    assert "jerry has no on_patience_timeout: something reached it at 12 s that its Node does not handle" == str(error)


@pytest.mark.parametrize("wait", [None, -1, "5", True, float("nan"), float("inf")])
def test_timer_needs_a_time(wait: Any) -> None:
    """A timer without a number of seconds from 0 is refused."""
    error = failure(on_election_timeout(lambda node: node.start_timer("election", wait)))

    assert f"called start_timer('election', {wait!r}); a timer needs a number of seconds from 0" in str(error)


# What a learner writes, and how the message ends.
ADVICE: dict[str, tuple[Callable[[Any], object], str]] = {
    "arguments in the other order": (
        lambda node: node.start_timer(8, "election"),
        "the name comes first: start_timer('election', 8)",
    ),
    "who the others are": (lambda node: node.followers, "self.peers() names the other servers, and self.servers all"),
    "a class for an answer": (lambda node: node.reply("client#1", Ok), "answered Ok, a class; build a response: Ok(…)"),
    "nothing for an answer": (
        lambda node: node.reply("client#1", None),
        "answered None; a client is answered with Ok(…) or NotLeader(…), and a method that ends without a return",
    ),
    "no room in the log": (
        lambda node: [node.log.append(Entry(index=1, term=1, command=None)) for _ in range(2)],
        "the next entry has index 2, not 1; truncate_after(0) makes room for it",
    ),
}


@pytest.mark.parametrize("act, said", ADVICE.values(), ids=ADVICE)
def test_message_says_what_to_do(act: Callable[[Any], object], said: str) -> None:
    """A message that names a mistake also says what to write instead."""

    def on_election_timeout(self: Any) -> None:
        act(self)

    assert said in str(failure(changed(8, on_election_timeout=on_election_timeout)))


def test_sender_is_an_argument() -> None:
    """A message has no sender; the handler's argument has it."""

    def on_request_vote(self: Any, sender: str, message: Any) -> None:
        self.answer_request_vote(message.sender, vote_granted=bool(sender))

    error = failure(changed(8, on_request_vote=on_request_vote))

    assert "has no attribute 'sender'; sender is an argument of the handler: write sender\n" in str(error)


def test_timer_of_zero_seconds_does_not_start_itself() -> None:
    """A timer's own handler cannot start it for zero seconds: it would run out at the same moment, for ever."""
    error = failure(on_election_timeout(lambda node: node.start_timer("election", 0)))

    assert (
        "jerry's on_election_timeout, at 11 s, called start_timer('election', 0); a timer of 0 seconds runs out at the "
        "same moment, so in its own handler it would run out for ever"
    ) == str(error).partition("\n")[0]


def test_timer_with_none_from_a_field_names_the_line() -> None:
    """A field gets None from a method without a return statement: the error has that line, not the one of the timer."""

    def start_election(self: Any) -> None:
        self.current_term += 1
        self.election_timeout = self.draw_election_timeout()
        self.start_election_timer()

    text = str(failure(changed(8, start_election=start_election)))

    assert (
        "called start_timer('election', None); a timer needs a number of seconds from 0, and a method without" in text
    )
    assert re.search(
        r"a method without a return statement returns None\n  test_diagnostics.py, line \d+: "
        r"self.election_timeout = self.draw_election_timeout\(\)$",
        text,
    )


def test_timer_with_none_names_the_line() -> None:
    """If no field is to blame, the error has the line that starts the timer, if it can be found."""

    def start_election(self: Any) -> None:
        self.start_timer("election", self.draw_election_timeout())

    text = str(failure(changed(8, start_election=start_election)))
    assert re.search(r"None\n  test_diagnostics.py, line \d+: self.start_timer\(\"election\", self.draw_elect", text)

    nameless = on_election_timeout(lambda node: node.start_timer("elec" + "tion", None))
    assert str(failure(nameless)).endswith("and a method without a return statement returns None")


@pytest.mark.parametrize(
    "answers, complaint",
    [
        ([Ok(), Ok()], "answered 'client#1', but no such client waits; a client is answered once"),
        ([None], "answered None; a client is answered with Ok(…) or NotLeader(…)"),
        (["done"], "answered 'done'"),
    ],
)
def test_client_is_answered_once_and_properly(answers: list[Any], complaint: str) -> None:
    """A second answer is refused, and so is something that is not an answer."""

    def on_client_request(self: Any, client: str, _request: Any) -> None:
        for answer in answers:
            self.reply(client, answer)

    error = failure(changed(8, on_client_request=on_client_request), lambda cluster: cluster.get("x"))

    assert complaint in str(error)


def test_answer_to_a_stranger_is_refused() -> None:
    """A reply goes to the address that the request came with."""
    error = failure(on_election_timeout(lambda node: node.reply("bob", Ok())))

    assert "answered 'bob', but no such client waits" in str(error)


@pytest.mark.parametrize(
    "durable, complaint",
    [
        (("log", "vote"), "declares 'vote' durable, but the Node has no such field"),
        ("log", "declares durable = 'log'; write durable = ('log',), with a comma"),
    ],
)
def test_durable_names_fields(durable: Any, complaint: str) -> None:
    """A name in `durable` without a field, and a forgotten comma, are reported when the cluster is built."""
    with pytest.raises(NodeError) as caught:
        Cluster(changed(8, durable=durable))

    assert complaint in str(caught.value)


def test_field_needs_a_default_value() -> None:
    """A field without a default value is reported when the cluster is built."""
    node_class = type("Node", (changed(8),), {"__annotations__": {"extra": "int"}})

    with pytest.raises(NodeError, match="extra"):
        Cluster(node_class)


def test_log_stays_a_log() -> None:
    """A list in place of the log is refused after the event."""

    def start_election(self: Any) -> None:
        self.log = []

    assert "put [] where its log was; a log stays a Log" in str(failure(changed(8, start_election=start_election)))


def test_field_that_contains_itself_is_reported() -> None:
    """A node inside its own field cannot be written to a trace, and the error says so."""

    def start_election(self: Any) -> None:
        self.votes = [self]

    assert "in a field that contains itself" in str(failure(changed(8, start_election=start_election)))


def test_deep_recursion_is_reported() -> None:
    """A method that calls itself without end is an exception like any other."""

    def start_election(self: Any) -> None:
        self.start_election()

    error = failure(changed(8, start_election=start_election))

    assert "raised RecursionError: maximum recursion depth exceeded" in str(error)
    assert "self.start_election()" in str(error)


def test_removed_name_says_why() -> None:
    """The error for a Node of step 8 that still sets is_candidate has the reason why it is gone."""

    def start_election(self: Any) -> None:
        self.is_candidate = True

    assert "is_candidate is gone: a server is a leader or a follower" in str(
        failure(changed(8, start_election=start_election))
    )


def test_removed_name_is_not_suggested() -> None:
    """The error for a Node that reads a removed field gives the reason, and does not suggest the very same name."""

    def start_election(self: Any) -> None:
        self.votes = {self.name} if self.is_candidate else set()

    error = str(failure(changed(8, start_election=start_election)))

    assert "is_candidate is gone: a server is a leader or a follower" in error
    assert "did you mean" not in error


def test_removed_name_in_an_inherited_method_says_what_to_write() -> None:
    """If an inherited method sets is_candidate, the advice is to write the whole method."""

    def start_election(self: Any) -> None:
        super(node_class, self).start_election()

    node_class: Any = type("Node", (node(7),), {"is_candidate": removed("it goes"), "start_election": start_election})
    error = str(failure(node_class))

    assert "is_candidate is gone: it goes; the start_election of an earlier step uses it: " in error
    assert "write the whole method start_election yourself, without super()\n" in error


def test_failure_is_in_the_trace() -> None:
    """The trace ends with the event in which the Node failed, and with the error: a picture shows both."""
    cluster = Cluster(on_election_timeout(lambda _: 1 / 0))
    with pytest.raises(NodeError):
        cluster.run(60)

    assert ["timer_fired", "failed"] == [event.kind for event in cluster.trace.events[-2:]]
    assert "ZeroDivisionError" in cluster.trace.events[-1]["error"]


def test_failed_call_has_no_effects() -> None:
    """The effects of a handler that raised are not carried out, not even with the next event."""

    def start_election(self: Any) -> None:
        self.broadcast(Gossip(text="never"))
        raise ValueError("after all, not")

    cluster = Cluster(changed(8, start_election=start_election))
    for _ in range(3):
        with pytest.raises(NodeError, match="after all, not"):
            cluster.run(60)

    assert [] == cluster.trace.of("sent")


def test_errors_are_short_in_a_notebook() -> None:
    """IPython prints the message alone, without the frames of the laboratory."""
    error = failure(on_election_timeout(lambda _: 1 / 0))

    assert [f"NodeError: {error}"] == error._render_traceback_()


def test_exit_in_a_handler_is_the_nodes() -> None:
    """A handler that calls sys.exit fails like any other, and does not end the laboratory."""
    error = failure(on_election_timeout(lambda _: sys.exit(0)))

    assert "raised SystemExit: 0" in str(error)


@message
class TextTerm:
    """A call whose term is a text."""

    term: str = "one"


TextTerm.__name__ = "AppendEntries"


def test_term_of_text_is_not_compared() -> None:
    """The recorder does not compare a term that is a text, so that its own error is not blamed on the Node."""

    def on_append_entries(self: Any, _sender: str, _message: Any) -> None: ...

    def on_election_timeout(self: Any) -> None:
        self.broadcast(TextTerm())

    cluster = Cluster(changed(8, on_election_timeout=on_election_timeout, on_append_entries=on_append_entries), 3)

    assert cluster.run(60).trace.of("delivered")
