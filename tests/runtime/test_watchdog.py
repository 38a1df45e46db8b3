"""The watchdog: a handler that never returns is interrupted, and the process goes on."""

from __future__ import annotations

import contextlib
import gc
import io
import pdb  # noqa: T100  # A test stops in it.
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.errors import NodeError, ScenarioError
from raft_steps.lab.runtime import watchdog
from tests.helpers.runs import changed
from tests.runtime.mistaken_nodes import Gossip, failure, on_election_timeout


def loop_for_ever(*_: object) -> None:
    """Never return."""
    while True:
        pass


def never_true() -> bool:
    """Never return, although a condition returns whether it is true."""
    loop_for_ever()
    return True


def loop_and_swallow(*_: object) -> None:
    """Never return, and catch every exception."""
    while True:
        with contextlib.suppress(Exception):
            loop_for_ever()


def wait_for_something(*_: object) -> None:
    """Never return, without computing anything."""
    threading.Event().wait(60)


def grow(node: Any) -> None:
    """Never return, and fill the list of effects."""
    while True:
        node.send("tom", Gossip(text="again"))


LOOPS = [loop_for_ever, loop_and_swallow, grow]


def test_endless_loop_is_noticed_within_two_seconds() -> None:
    """However late the first look at a stuck handler is, the last one is well within two seconds."""
    assert watchdog.TICK * (watchdog.LOOKS + 1) < 1.5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # The first try may hit a collection.
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
@pytest.mark.usefixtures("impatient")
def test_endless_loop_ends(loop: Callable[[Any], None]) -> None:
    """A handler that never returns is interrupted on the main thread, and the process goes on."""
    error = failure(on_election_timeout(loop))

    assert "jerry's on_election_timeout, at 11 s, did not come back within a second: an endless loop?" in str(error)
    assert "test_watchdog.py, line " in str(error)
    assert Cluster(8).run(30).leader


@pytest.mark.slow
@pytest.mark.usefixtures("impatient")
def test_handler_that_waits_ends_much_later() -> None:
    """A handler that does not compute has a far limit, and the error says that it waits."""
    error = failure(on_election_timeout(wait_for_something))

    assert "did not come back within ten seconds, and computed almost nothing: does it wait for something?" in str(
        error
    )


def test_busy_machine_is_no_endless_loop() -> None:
    """A handler that the machine does not let compute is not stuck, however often it is seen; one that computes is."""
    times = iter([0.0] * 20 + [0.99, 1.0])
    looks = watchdog._Looks(lambda: 7, lambda: next(times))

    assert [None] * 20 + [watchdog.HandlerTimeout] == [looks.verdict() for _ in range(21)]


def test_waiting_has_a_far_limit() -> None:
    """A handler that does not compute at all is stuck after many looks, and again a little later."""
    looks = watchdog._Looks(lambda: 7, lambda: 0.0)
    found = [looks.verdict() for _ in range(watchdog.WAITING_LOOKS)]
    looks.raised()
    more = [looks.verdict() for _ in range(watchdog.RETRY_LOOKS + 1)]

    assert [None] * (watchdog.WAITING_LOOKS - 1) + [watchdog.HandlerWaits] == found
    assert watchdog.HandlerWaits in more


@pytest.mark.slow
@pytest.mark.parametrize("on_thread", [False, True])
@pytest.mark.usefixtures("impatient")
def test_laboratory_is_not_interrupted(on_thread: bool) -> None:
    """However long the laboratory itself computes in a block, it is not interrupted, and no handler is blamed."""
    source = "def watch(bounded, clock):\n    with bounded(lambda: 0):\n        end = clock() + 0.4\n        while clock() < end: pass\n"
    space: dict[str, Any] = {"__name__": "raft_steps.lab.slow"}
    exec(compile(source, "<laboratory>", "exec"), space)

    assert [] == raised_by(lambda: space["watch"](watchdog.bounded, time.thread_time), on_thread=on_thread)


def raised_by(work: Callable[[], object], *, on_thread: bool) -> list[BaseException]:
    """Return what work raises on this thread, or on another one."""
    found: list[BaseException] = []

    def attempt() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001
            found.append(error)

    if on_thread:
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    else:
        attempt()
    return found


@pytest.mark.slow
class SlowTyping(io.StringIO):
    """What a programmer types at a breakpoint, after some thought."""

    def readline(self, size: int | None = -1, /) -> str:
        """Return a line, later than the watchdog would wait."""
        del size
        time.sleep(5 * watchdog.TICK)
        return "continue\n"


def think_at_a_breakpoint(*_: object) -> None:
    """Stop in the debugger, and go on."""
    pdb.Pdb(stdin=SlowTyping(), stdout=io.StringIO()).set_trace()


@pytest.mark.parametrize("on_thread", [False, True], ids=["main thread", "other thread"])
def test_breakpoint_in_a_handler_waits(monkeypatch: pytest.MonkeyPatch, on_thread: bool) -> None:
    """As long as a debugger holds a handler, nothing is interrupted, however long it takes."""
    monkeypatch.setattr(watchdog, "WAITING_LOOKS", 2)
    reached: list[float] = []

    def run() -> None:
        reached.append(Cluster(changed(8, on_election_timeout=think_at_a_breakpoint), 1).run(20).time)

    if on_thread:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    else:
        run()

    assert reached == [20]


def test_endless_loop_ends_on_another_thread_too() -> None:
    """A kernel may run a cell on another thread, which gets no signals: the loop ends there, too."""
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
    """Any handler may hang: the one of the start, the one of a client's request, or another."""
    node_class = changed(8, **{handler: loop_for_ever})

    with pytest.raises(NodeError, match="did not come back within a second"):
        Cluster(node_class, 3).run(40).set("x", 1)


@pytest.mark.slow
def test_loop_that_collects_garbage_ends_too() -> None:
    """No exception is raised in a callback of the garbage collector, where it would be lost."""

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
    """A condition that a notebook waits for can hang, too."""
    with pytest.raises(ScenarioError, match="the condition of run"):
        Cluster(8).run(until=never_true)


def test_long_run_is_no_endless_loop() -> None:
    """Many short calls in a row are not mistaken for one that hangs, nor are two runs in a row."""
    cluster = Cluster(8, 5, timing="paper", record=False)

    assert cluster.run(150).run(150).leader


@contextlib.contextmanager
def stretched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the watchdog look so often, and threads change so often, that every race would be hit."""
    before = sys.getswitchinterval()
    monkeypatch.setattr(watchdog, "TICK", 0.0001)
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def count(number: int) -> None:
    """Compute for a while, and come back."""
    for _ in range(number):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("on_thread", [False, True])
def test_nothing_escapes_a_block_that_has_ended(monkeypatch: pytest.MonkeyPatch, on_thread: bool) -> None:
    """Thousands of slow handlers with a stretched clock: each exception is raised inside the handler, or not at all."""
    random, caught = Random(1), 0

    def work() -> None:
        nonlocal caught
        for _ in range(2000):
            number, inline = random.randrange(100, 60_000), random.random() < 0.5
            with watchdog.bounded(lambda: 0):
                try:
                    if inline:
                        for _ in range(number):
                            pass
                    else:
                        count(number)
                except watchdog.HandlerTimeout:
                    caught += 1
            count(1000)

    with stretched(monkeypatch):
        found = raised_by(work, on_thread=on_thread)

    assert [] == found
    assert caught > 20  # Fewer on a busy machine.
    assert not [thread for thread in threading.enumerate() if thread.name == "raft-steps watchdog"]


def test_watcher_ends_with_a_block_that_control_c_ended() -> None:
    """A block whose end is never reached, because Control-C came in between, is not watched any more."""
    before = signal.getsignal(signal.SIGALRM)

    def abandon() -> Any:
        block = watchdog.bounded(lambda: 0)
        block.__enter__()
        return block

    block = abandon()
    signal.raise_signal(signal.SIGALRM)

    assert before == signal.getsignal(signal.SIGALRM)
    assert (0.0, 0.0) == signal.getitimer(signal.ITIMER_REAL)
    assert block.way.ended


monitored = pytest.mark.skipif(not hasattr(sys, "monitoring"), reason="sys.monitoring is new in Python 3.12")


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away what a browser lacks: timer signals, and new threads."""

    def start(_self: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.delattr(signal, "setitimer")
    monkeypatch.setattr(threading.Thread, "start", start)


@monitored
@pytest.mark.slow
@pytest.mark.parametrize("loop", LOOPS, ids=lambda loop: loop.__name__)
@pytest.mark.usefixtures("browser", "impatient")
def test_endless_loop_ends_in_a_browser(loop: Callable[[Any], None]) -> None:
    """Without signals and threads, a loop is interrupted at one of its jumps, with the same words."""
    error = failure(on_election_timeout(loop))

    assert "jerry's on_election_timeout, at 11 s, did not come back within a second: an endless loop?" in str(error)
    assert Cluster(8).run(30).leader


@pytest.mark.usefixtures("browser")
def test_run_needs_neither_signals_nor_threads() -> None:
    """A run works without both, also where nothing can interrupt it."""
    assert Cluster(8).run(30).leader
