"""The guard: a mistake in a Node is told in words about the Node, and an endless loop does not last.

Every test makes a cluster whose Nodes make one mistake, and runs it; the laboratory must say whose handler it was, when
and, where there is one, on which line.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest

from raft_steps import node
from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import Ok
from raft_steps.lab.errors import EventBudgetError, NodeError, ScenarioError
from raft_steps.lab.messages import message
from raft_steps.lab.node import removed
from raft_steps.lab.runtime import watchdog
from raft_steps.lab.runtime.simulator.simulation import Simulation
from raft_steps.lab.scenario.scenario import default_scenario
from raft_steps.step_04_leader_election import RequestVote
from raft_steps.step_05_term_in_append_entries import AppendEntries
from tests.helpers.runs import changed

AT_11_S = "jerry's {}, at 11 s, "  # With seed 0, jerry is the first whose election timer runs out.


@message
class Gossip:
    """A message that no Node hears."""

    text: str


def run_on(cluster: Cluster) -> None:
    """Let time pass until something has gone wrong."""
    cluster.run(60)


def failure(node_class: type, do: Callable[[Cluster], object] = run_on) -> NodeError:
    """Give the error that a cluster of such Nodes ends with; `do` is what is done with it, to run by default."""
    cluster = Cluster(node_class, 3)
    if do is not run_on:
        cluster.run(15)
    with pytest.raises(NodeError) as caught:
        do(cluster)
    return caught.value


def on_election_timeout(act: Callable[[Any], object]) -> type:
    """Give a Node that acts so when its election timer runs out."""

    def on_election_timeout(self: Any) -> object:
        return act(self)

    return changed(8, on_election_timeout=on_election_timeout)


def loop_for_ever(*_: object) -> None:
    """Never come back."""
    while True:
        pass


def loop_and_swallow(*_: object) -> None:
    """Never come back, and catch what one should not catch."""
    while True:
        with contextlib.suppress(Exception):
            loop_for_ever()


def wait_for_something(*_: object) -> None:
    """Never come back, without computing anything."""
    threading.Event().wait(60)


def grow(node: Any) -> None:
    """Never come back, and fill the list of effects."""
    while True:
        node.send("tom", Gossip(text="again"))


LOOPS = [loop_for_ever, loop_and_swallow, wait_for_something, grow]


def test_endless_loop_is_noticed_within_two_seconds() -> None:
    """The last of the looks that it takes comes well before two seconds are over, whenever the first one came."""
    assert watchdog.TICK * (watchdog.LOOKS + 1) < 1.5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # The first try may hit a collection.
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
@pytest.mark.usefixtures("impatient")
def test_endless_loop_ends(loop: Callable[[Any], None]) -> None:
    """A handler that never comes back is interrupted, on the main thread, and the process lives on."""
    error = failure(on_election_timeout(loop))

    assert "jerry's on_election_timeout, at 11 s, did not come back within a second: an endless loop?" in str(error)
    assert "test_watchdog.py, line " in str(error)
    assert Cluster(8).run(30).leader


@pytest.mark.slow
def test_endless_loop_ends_on_another_thread_too() -> None:
    """A kernel may run a cell on a thread of its own, where no signal comes: the loop ends there too."""
    found: list[object] = []

    def work() -> None:
        found.append(str(failure(on_election_timeout(loop_for_ever))))
        found.append(Cluster(8).run(30).leader)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)

    assert 2 == len(found), "the thread still runs"
    assert "did not come back within a second" in str(found[0])
    assert found[1]


@pytest.mark.slow
@pytest.mark.parametrize("handler", ["on_start", "on_client_request", "on_append_entries"])
@pytest.mark.usefixtures("impatient")
def test_endless_loop_ends_in_every_handler(handler: str) -> None:
    """It does not matter which handler hangs: one at the very start, one that a client's request calls, any."""
    node_class = changed(8, **{handler: loop_for_ever})

    with pytest.raises(NodeError, match="did not come back within a second"):
        Cluster(node_class, 3).run(40).set("x", 1)


@pytest.mark.slow
def test_loop_that_collects_garbage_ends_too() -> None:
    """Where a callback of the garbage collector is interrupted, nothing is raised in it: it would be lost there."""

    def slow(_phase: str, _info: dict[str, int]) -> None:
        for _ in range(100):
            pass

    def collect_for_ever(self: Any, *_: object) -> None:
        while True:
            gc.collect(0)

    gc.callbacks.append(slow)
    try:
        with pytest.raises(NodeError, match="did not come back within a second"):
            Cluster(changed(8, on_start=collect_for_ever), 3)
    finally:
        gc.callbacks.remove(slow)


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_endless_condition_ends_too() -> None:
    """A condition that a notebook waits for can hang as well."""
    with pytest.raises(ScenarioError, match="the condition of run"):
        Cluster(8).run(until=lambda: bool(loop_for_ever()))


def test_long_run_is_no_endless_loop() -> None:
    """Many short calls in a row are not mistaken for one that hangs, nor are two runs one after the other."""
    cluster = Cluster(8, 5, timing="paper", record=False)

    assert cluster.run(150).run(150).leader


def test_exception_names_handler_time_and_line() -> None:
    """An exception becomes a sentence about the Node, with the line of the Node's own source."""
    error = failure(on_election_timeout(lambda _: 1 / 0))

    assert AT_11_S.format("on_election_timeout") + "raised ZeroDivisionError: division by zero\n" in str(error)
    assert "test_watchdog.py, line " in str(error)
    assert ("jerry", "on_election_timeout") == (error.server, error.handler)


def test_exception_in_a_helper_names_the_helper_s_line() -> None:
    """The innermost line of the Node's own is named, not the laboratory's."""

    def start_election(self: Any) -> None:
        self.log[5]

    error = failure(changed(8, start_election=start_election))

    assert "raised LogError: there is no entry 5; the log ends at 0\n" in str(error)
    assert "self.log[5]" in str(error)


def test_exception_in_inherited_code_names_one_s_own_line_first() -> None:
    """A learner's method breaks a field, and an earlier step's method falls over it: both lines are told, theirs first."""

    def start_election(self: Any) -> None:
        self.votes = None
        super(node_class, self).start_election()

    node_class: Any = changed(8, start_election=start_election)
    error = str(failure(node_class))

    assert re.search(
        r"raised AttributeError: 'NoneType' object has no attribute 'add'\n"
        r"  test_watchdog\.py, line \d+: super\(node_class, self\)\.start_election\(\), which led to\n"
        r"  step_08_\w+\.py, line \d+: self\.votes\.add\(self\.name\)$",
        error,
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # The first try may hit a collection.
@pytest.mark.usefixtures("impatient")
def test_endless_loop_in_inherited_code_names_one_s_own_line_first() -> None:
    """The same holds for a loop that an inherited method ends up in."""

    def peers(_self: Any) -> Any:
        return itertools.repeat("tom")

    def start_election(self: Any) -> None:
        self.send_heartbeat()

    error = str(failure(changed(8, peers=peers, start_election=start_election)))

    assert re.search(
        r"did not come back within a second: an endless loop\?\n"
        r"  test_watchdog\.py, line \d+: self\.send_heartbeat\(\), which led to\n  step_0\d_\w+\.py, line \d+: ",
        error,
    )


def test_guess_of_a_name_is_one_that_people_write() -> None:
    """A close name is offered, but not one of Python's own with underscores."""
    error = failure(on_election_timeout(lambda node: node.current_term.add(1)))

    assert "raised AttributeError: 'int' object has no attribute 'add'\n" in str(error)
    assert "; did you mean 'current_term'?" in str(failure(on_election_timeout(lambda node: node.curent_term)))


def test_exception_in_inherited_code_alone_names_the_inherited_line() -> None:
    """Where no line of the learner's is on the way, the inherited line is all there is to tell."""
    node_class = changed(8, become_follower=None)
    cluster = Cluster(node_class, 3)
    with pytest.raises(NodeError) as caught:
        cluster.run(60)

    assert "which led to" not in str(caught.value)
    assert re.search(r"\n  step_0\d_\w+\.py, line \d+: self\.become_follower", str(caught.value))


@pytest.mark.parametrize("arguments, count", [(("tom",), 2), (("tom", 3), 3)])
def test_positional_fields_are_told(arguments: tuple[object, ...], count: int) -> None:
    """A message that is built without its fields' names is answered with how it is built."""

    def start_election(self: Any) -> None:
        self.broadcast(RequestVote(*arguments))

    error = failure(changed(8, start_election=start_election))

    assert (
        f"raised TypeError: RequestVote.__init__() takes 1 positional argument but {count} were given; "
        "the fields of a message are named, as in RequestVote(term=…)\n"
    ) in str(error)


@pytest.mark.parametrize("value", [True, 0, "", [1]])
def test_returned_value_is_refused(value: object) -> None:
    """A handler returns nothing: what it wants done goes through self.send and the like."""
    error = failure(on_election_timeout(lambda _: value))

    assert AT_11_S.format("on_election_timeout") + f"returned {value!r}; a handler returns nothing" in str(error)


def test_wrong_type_in_a_message_is_found() -> None:
    """A term that is text is found when the message leaves, and the message and field are named."""

    def start_election(self: Any) -> None:
        self.broadcast(RequestVote(term=str(self.current_term)))  # type: ignore[arg-type]

    error = failure(changed(8, start_election=start_election))

    assert AT_11_S.format("on_election_timeout") + "sent what it cannot send: RequestVote.term should be int" in str(
        error
    )


def test_wrong_type_in_a_class_is_told_both_ways() -> None:
    """Where a number does not fit because its field is declared as text, the message says what to write in the class."""

    @message
    class RequestVote:
        term: str

    act = on_election_timeout(lambda node: node.broadcast(RequestVote(term=node.current_term)))

    assert str(failure(act)).endswith(
        "RequestVote.term should be str, not 0 (int); send that, or write term: int in the class RequestVote"
    )


def test_missing_term_is_found() -> None:
    """A message without its term cannot be built; the line that tries is named."""

    def append_entries_after(_self: Any, prev_log_index: int) -> AppendEntries:
        return AppendEntries(prev_log_index=prev_log_index, prev_log_term=0, entries=())  # type: ignore[call-arg]

    error = failure(changed(8, append_entries_after=append_entries_after))

    assert "missing 1 required keyword-only argument: 'term'\n" in str(error)
    assert "return AppendEntries(prev_log_index" in str(error)


@pytest.mark.parametrize("thing", ["hello", ("hello",), {"term": 1}, RequestVote])
def test_what_is_no_message_cannot_be_sent(thing: object) -> None:
    """Only messages are sent."""
    error = failure(on_election_timeout(lambda node: node.broadcast(thing)))

    assert "sent what it cannot send: " in str(error)
    assert "is not a message; build one" in str(error)


def test_comma_too_many_makes_no_message() -> None:
    """What Python makes of a comma at a line's end is told as that."""
    error = failure(on_election_timeout(lambda node: node.broadcast((RequestVote(term=1),))))

    assert str(error).endswith("(RequestVote(term=1),) is a tuple, not a message: there is one comma too many after it")


def test_call_that_is_not_given_back_names_the_line() -> None:
    """Whoever builds a message and forgets to return it hears which method that was, and where; not the handler."""

    def append_entries_after(self: Any, prev_log_index: int) -> None:
        AppendEntries(
            term=self.current_term,
            prev_log_index=prev_log_index,
            prev_log_term=self.log[prev_log_index].term,
            entries=self.log.entries_after(prev_log_index),
        )

    text = str(failure(changed(5, append_entries_after=append_entries_after)))

    assert "sent None: append_entries_after builds a message and does not return it\n" in text
    assert re.search(r"\n  test_watchdog.py, line \d+: AppendEntries\($", text)


def test_call_that_is_sent_where_it_is_built_names_the_line() -> None:
    """Whoever sends in a method that should only build hears that, and the line that sends."""

    def append_entries_after(self: Any, prev_log_index: int) -> None:
        call = AppendEntries(term=self.current_term, prev_log_index=prev_log_index, prev_log_term=0, entries=())
        self.broadcast(call)

    text = str(failure(changed(5, append_entries_after=append_entries_after)))

    assert "append_entries_after sends its message itself; it should return the message, and its caller" in text
    assert re.search(r"\n  test_watchdog.py, line \d+: self.broadcast\(call\)$", text)


def test_call_that_is_given_back_is_not_blamed() -> None:
    """However the return is written, and whatever else the line of the sender says, who returns is innocent."""

    def append_entries_after(self: Any, prev_log_index: int) -> AppendEntries | None:
        if prev_log_index >= 0: return(AppendEntries(term=1, prev_log_index=0, prev_log_term=0, entries=()))  # fmt: skip  # noqa: E701
        return None

    def on_election_timeout(self: Any) -> None:
        self.broadcast(self.voted_for); self.start_election_timer()  # fmt: skip  # noqa: E702

    methods = {"append_entries_after": append_entries_after, "on_election_timeout": on_election_timeout}
    text = str(failure(changed(5, **methods)))

    assert text.endswith("sent None, which is not a message; a method without a return statement returns None")


def test_nothing_is_sent_where_nobody_writes_it_down() -> None:
    """Without a trace None is noticed as it arrives; whoever sent it is blamed, and not whoever hears it."""

    def append_entries_after(self: Any, prev_log_index: int) -> None:
        AppendEntries(term=self.current_term, prev_log_index=prev_log_index, prev_log_term=0, entries=())

    simulation = Simulation(default_scenario(5, 3), changed(5, append_entries_after=append_entries_after), record=False)
    with pytest.raises(NodeError, match="sent None: append_entries_after builds a message and does not return it"):
        simulation.run_until(60_000_000)


def test_nothing_is_sent_and_nobody_is_to_blame_by_name() -> None:
    """Where no method that should build a message is silent, None is told as what it is, and no line is named."""
    text = str(failure(on_election_timeout(lambda node: node.broadcast(None))))

    assert text.endswith("sent None, which is not a message; a method without a return statement returns None")


def test_none_in_a_field_hangs_on_a_method_that_returns_nothing() -> None:
    """No class should say NoneType because a method forgets its answer."""
    error = failure(on_election_timeout(lambda node: node.broadcast(RequestVote(term=None))))  # type: ignore[arg-type]

    assert str(error).endswith(
        "RequestVote.term should be int, not None (NoneType); a method without a return statement returns None; if None is meant, "
        "write term: … | None in the class RequestVote"
    )


def test_sending_to_nobody_is_told_as_it_is_written() -> None:
    """Python says which argument is missing; how the line is written is said beside it."""

    def on_election_timeout(self: Any) -> None:
        self.send(RequestVote(term=1))

    error = failure(changed(8, on_election_timeout=on_election_timeout))

    assert "missing 1 required positional argument: 'message'; the call is self.send(to, message)\n" in str(error)


@pytest.mark.parametrize("name", ["term", "note"])
def test_message_cannot_be_changed(name: str) -> None:
    """Setting a field of a message that has arrived, or a new one, is told as what it is."""

    def on_request_vote(_self: Any, _sender: str, message: Any) -> None:
        setattr(message, name, 5)

    error = failure(changed(8, on_request_vote=on_request_vote))

    assert "on_request_vote, at 11." in str(error)
    assert "both are immutable: build a new one instead\n" in str(error)


def test_entry_cannot_be_changed_in_place() -> None:
    """Setting an entry of the log is told with what to do instead."""

    def write(self: Any, _client: str, _command: Any) -> None:
        self.log[1] = None

    error = failure(changed(8, write=write), lambda cluster: cluster.set("x", 1))

    assert "raised LogError: log[1] = … changes an entry in place; use truncate_after(0) and append" in str(error)


def test_wrong_signature_is_told() -> None:
    """A handler that takes other arguments than the laboratory gives is told how it is called."""

    def on_request_vote(_self: Any, _message: Any) -> None: ...

    error = failure(changed(8, on_request_vote=on_request_vote))

    assert "cannot be called as a handler is, (self, sender, message) or (self) alone" in str(error)
    assert "takes 2 positional arguments but 3 were given" in str(error)


@pytest.mark.parametrize("to", ["bob", "jerry", None])
def test_message_to_nobody_is_told(to: Any) -> None:
    """A message to a server that there is not, or to oneself, is told with who the others are."""
    error = failure(on_election_timeout(lambda node: node.send(to, Gossip(text="hello"))))

    assert f"sent a message to {to!r}; the others are tom, spike" in str(error)


def test_missing_handler_of_a_message_is_told() -> None:
    """A message that arrives where no method hears it is told with the name that the method should have."""
    error = failure(on_election_timeout(lambda node: node.broadcast(Gossip(text="hello"))))

    assert "has no on_gossip: something reached it at 11." in str(error)


def test_missing_handler_of_a_timer_is_told() -> None:
    """The same holds for a timer that runs out."""
    error = failure(on_election_timeout(lambda node: node.start_timer("patience", 1)))

    assert "jerry has no on_patience_timeout: something reached it at 12 s that its Node does not handle" == str(error)


@pytest.mark.parametrize("wait", [None, 0, -1, "5", True, float("nan"), float("inf")])
def test_timer_needs_a_time(wait: Any) -> None:
    """A timer without a number of seconds above 0 is refused."""
    error = failure(on_election_timeout(lambda node: node.start_timer("election", wait)))

    assert f"called start_timer('election', {wait!r}); a timer needs a number of seconds above 0" in str(error)


def test_timer_that_is_given_nothing_names_the_line() -> None:
    """Who keeps what a method without a return gives hears where that was, though the timer is started elsewhere."""

    def start_election(self: Any) -> None:
        self.current_term += 1
        self.election_timeout = self.draw_election_timeout()
        self.start_election_timer()

    text = str(failure(changed(8, start_election=start_election)))

    assert (
        "called start_timer('election', None); a timer needs a number of seconds above 0, and a method without" in text
    )
    assert re.search(
        r"a method without a return statement returns None\n  test_watchdog.py, line \d+: "
        r"self.election_timeout = self.draw_election_timeout\(\)$",
        text,
    )


def test_timer_that_is_started_with_nothing_names_the_line() -> None:
    """The line that starts the timer is named where no field is to blame, and none where none of the learner's does."""

    def start_election(self: Any) -> None:
        self.start_timer("election", self.draw_election_timeout())

    text = str(failure(changed(8, start_election=start_election)))
    assert re.search(r"None\n  test_watchdog.py, line \d+: self.start_timer\(\"election\", self.draw_elect", text)

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
    """A second answer, and an answer that is none, are refused."""

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
    """A name in `durable` that is no field, and a forgotten comma, are told when the cluster is built."""
    with pytest.raises(NodeError) as caught:
        Cluster(changed(8, durable=durable))

    assert complaint in str(caught.value)


def test_field_needs_a_first_value() -> None:
    """A field without a default is told when the cluster is built: a life begins with it."""
    node_class = type("Node", (changed(8),), {"__annotations__": {"extra": "int"}})

    with pytest.raises(NodeError, match="extra"):
        Cluster(node_class)


def test_log_stays_a_log() -> None:
    """A list in the log's place is refused when the event is over."""

    def start_election(self: Any) -> None:
        self.log = []

    assert "put [] where its log was; a log stays a Log" in str(failure(changed(8, start_election=start_election)))


def test_field_that_contains_itself_is_told() -> None:
    """A node inside its own field cannot be written to a trace; the reader hears so."""

    def start_election(self: Any) -> None:
        self.votes = [self]

    assert "in a field that contains itself" in str(failure(changed(8, start_election=start_election)))


def test_deep_recursion_is_told() -> None:
    """A method that calls itself without end is an exception like any other."""

    def start_election(self: Any) -> None:
        self.start_election()

    error = failure(changed(8, start_election=start_election))

    assert "raised RecursionError: maximum recursion depth exceeded" in str(error)
    assert "self.start_election()" in str(error)


def test_removed_name_says_why() -> None:
    """A Node of step 8 that still sets is_candidate hears why it is gone."""

    def start_election(self: Any) -> None:
        self.is_candidate = True

    assert "is_candidate is gone: a server is a leader or a follower" in str(
        failure(changed(8, start_election=start_election))
    )


def test_removed_name_in_an_inherited_method_says_what_to_write() -> None:
    """Who calls an earlier step's method that sets is_candidate is told to write the whole method."""

    def start_election(self: Any) -> None:
        super(node_class, self).start_election()

    node_class: Any = type("Node", (node(7),), {"is_candidate": removed("it goes"), "start_election": start_election})
    error = str(failure(node_class))

    assert "is_candidate is gone: it goes; the start_election of an earlier step uses it: " in error
    assert "write the whole method start_election yourself, without super()\n" in error


def test_storm_of_messages_ends() -> None:
    """Servers that answer each other at once, for ever, use up the run's budget of events; the busiest link is named."""

    def on_append_entries_reply(self: Any, sender: str, _message: Any) -> None:
        for _ in range(2):
            self.send(sender, self.append_entries_after(0))

    simulation = Simulation(
        default_scenario(2), changed(2, on_append_entries_reply=on_append_entries_reply), event_budget=5_000
    )

    with pytest.raises(EventBudgetError, match=r"took 5000 events and is only at .* tom>\w+ alone has carried \d+"):
        simulation.run_until(60_000_000)


@pytest.mark.parametrize("record", [False, True])
def test_flood_of_messages_ends(record: bool) -> None:
    """Servers that answer each call to everybody fill the network long before the budget is used up."""

    def on_append_entries(self: Any, _sender: str, message: Any) -> None:
        self.broadcast(message)

    node_class = changed(8, on_append_entries=on_append_entries)
    simulation = Simulation(default_scenario(8, 5), node_class, record=record, event_budget=100_000)

    with pytest.raises(
        EventBudgetError, match=r"has 5\d{4} messages and timers under way and is only at .* alone has carried \d+"
    ):
        simulation.run_until(60_000_000)

    assert simulation.event_count < 20_000


def test_timer_that_never_rests_ends() -> None:
    """A timer that restarts itself at once uses up the budget too; the error does not blame messages."""
    node_class = on_election_timeout(lambda node: node.start_timer("election", 1e-9))

    simulation = Simulation(default_scenario(8), node_class, event_budget=5_000)

    with pytest.raises(EventBudgetError, match="does a timer restart itself at once"):
        simulation.run_until(60_000_000)


def test_failure_is_in_the_trace() -> None:
    """The trace ends with the event in which the Node failed, and with the error, so that a picture shows both."""
    cluster = Cluster(on_election_timeout(lambda _: 1 / 0))
    with pytest.raises(NodeError):
        cluster.run(60)

    assert ["timer_fired", "failed"] == [event.kind for event in cluster.trace.events[-2:]]
    assert "ZeroDivisionError" in cluster.trace.events[-1]["error"]


def test_failed_call_has_no_effects() -> None:
    """What a handler had asked for before it raised is not done, not even with the next event."""

    def start_election(self: Any) -> None:
        self.broadcast(Gossip(text="never"))
        raise ValueError("after all, not")

    cluster = Cluster(changed(8, start_election=start_election))
    for _ in range(3):
        with pytest.raises(NodeError, match="after all, not"):
            cluster.run(60)

    assert [] == cluster.trace.of("sent")


def test_laboratory_s_errors_are_short_in_a_notebook() -> None:
    """IPython prints the message alone, without the laboratory's frames."""
    error = failure(on_election_timeout(lambda _: 1 / 0))

    assert [f"NodeError: {error}"] == error._render_traceback_()
