"""The timers of a simulation's servers.

A restarted timer, as an election timer is by every heartbeat, is not planned again: when its first time is up, the
timer is looked at, and looked at again at its new time. So the agenda stays short.

A timer of zero seconds runs out at the moment at which it is started, after everything else of this moment. So a node
can answer together what arrives together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raft_steps.lab.runtime.diagnostics import endless_timer_mistake, wait_mistake
from raft_steps.lab.runtime.simulator.simulated_host import NEVER, Timer

if TYPE_CHECKING:
    from raft_steps.lab.runtime.recorder import Note, Recorder
    from raft_steps.lab.runtime.simulator.agenda import Agenda
    from raft_steps.lab.runtime.simulator.simulated_host import Handle, SimulatedHost

LONGEST_S = 1e9  # some thirty years: a longer wait is a mistake in a calculation


def check_wait(node: object, timer: str, wait_s: object, handler: str = "") -> None:
    """Check the time for which a node starts a timer.

    Args:
        node: The node.
        timer: The timer's name.
        wait_s: The time in seconds.
        handler: The name of the handler that starts it, if that matters: a timer that starts itself for zero seconds
            would run out for ever.

    Raises:
        Mistake: It is not a number of seconds from 0, or it is 0 and the handler is the timer's own.
    """
    # By type, not by isinstance: True is not a number of seconds.
    if type(wait_s) not in (int, float) or not 0 <= wait_s < LONGEST_S:  # type: ignore[operator]  # It is a number by now.
        raise wait_mistake(node, timer, wait_s)
    if wait_s == 0 and handler == f"on_{timer}_timeout":
        raise endless_timer_mistake(timer, wait_s)


class Timers:
    """Starts and cancels timers, and dispatches those that run out."""

    def __init__(self, agenda: Agenda, handle: Handle, note: Note, recorder: Recorder | None) -> None:
        """Plan timers on an agenda.

        Args:
            agenda: Where timers are planned.
            handle: Calls the handler of a timer that runs out.
            note: Records that a timer was cancelled.
            recorder: Records that a timer was started, if the run is recorded.
        """
        self._agenda, self._handle, self._note, self._recorder = agenda, handle, note, recorder
        self._running_out: Timer | None = None  # the timer whose handler runs

    def start(self, host: SimulatedHost, name: str, wait_s: float) -> None:
        """Start a timer, or restart it if it runs.

        Args:
            host: The server.
            name: The timer's name.
            wait_s: How many seconds by the server's own clock; 0 for the end of the present moment.

        Raises:
            Mistake: It is not a number of seconds from 0, or it is 0 in the timer's own handler.
        """
        timer = host.timers.get(name)
        if timer is None or timer.wait_s is not wait_s:  # Mostly the same object as the last time: it is checked once.
            timer = self._set(host, name, timer, wait_s)
        now_us = self._agenda.now_us
        due_us = now_us + timer.wait_us
        if due_us == now_us:
            if timer.due_us == now_us == timer.last_us:
                return  # It runs out after this moment already, and nobody needs to read that again.
            self._plan_last(host, timer)
        elif due_us < timer.planned_us:
            timer.planned_us = due_us
            self._agenda.push(due_us, self._look, host, timer, None)
        timer.due_us = due_us
        if self._recorder is not None:
            self._recorder.event(now_us, "timer_started", host.name, {"timer": name, "due": due_us})

    def _plan_last(self, host: SimulatedHost, timer: Timer) -> None:
        """Plan a timer of zero seconds, after everything else of the present moment.

        Raises:
            Mistake: The timer's own handler starts it.
        """
        if timer is self._running_out:
            raise endless_timer_mistake(timer.name, timer.wait_s)
        now_us = self._agenda.now_us
        if timer.last_us != now_us:
            timer.last_us = now_us
            self._agenda.push_last(self._look_last, host, timer, None)

    def _set(self, host: SimulatedHost, name: str, timer: Timer | None, wait_s: float) -> Timer:
        """Set for how long a timer runs; create it if there is none."""
        check_wait(host.node, name, wait_s)
        wait_us = round(wait_s * host.second_us)
        if timer is None:
            timer = host.timers[name] = Timer(name, wait_s, wait_us)
        else:
            timer.wait_s, timer.wait_us = wait_s, wait_us
        return timer

    def cancel(self, host: SimulatedHost, timer: Timer) -> None:
        """Cancel a timer, if it runs."""
        if timer.due_us is not None:
            timer.due_us = None
            self._note("timer_cancelled", host.name, timer=timer.name)

    def _look(self, host: SimulatedHost, timer: Timer, _: None) -> None:
        """Look whether a timer has run out."""
        now_us = self._agenda.now_us
        if timer.planned_us != now_us:  # It was started again for a shorter time, and has run out already.
            return
        timer.planned_us = NEVER
        if timer.due_us is None:
            return
        if timer.due_us > now_us:
            timer.planned_us = timer.due_us
            self._agenda.push(timer.due_us, self._look, host, timer, None)
        elif timer.last_us != now_us:  # Otherwise it was started again, for zero seconds.
            self._run_out_unless_paused(host, timer)

    def _look_last(self, host: SimulatedHost, timer: Timer, _: None) -> None:
        """Look whether a timer of zero seconds has run out, after everything else of its moment."""
        timer.last_us = NEVER
        if timer.due_us == self._agenda.now_us:  # Otherwise it was cancelled, or started again for longer.
            self._run_out_unless_paused(host, timer)

    def _run_out_unless_paused(self, host: SimulatedHost, timer: Timer) -> None:
        """Dispatch a timer that has run out, or put it into the mailbox of a paused server."""
        if host.paused:
            host.mailbox.append((self._look_late, host, timer, None))
        else:
            self.run_out(host, timer)

    def _look_late(self, host: SimulatedHost, timer: Timer, _: None) -> None:
        """Dispatch a timer that ran out while its server was paused, unless it was restarted since."""
        if timer.due_us is not None and timer.due_us <= self._agenda.now_us:
            self.run_out(host, timer)

    def run_out(self, host: SimulatedHost, timer: Timer) -> None:
        """Let a running timer run out now.

        Raises:
            NodeError: The node failed in the timer's handler.
        """
        timer.planned_us, timer.due_us = NEVER, None
        handler = host.find_handler(f"on_{timer.name}_timeout", self._agenda.now_us)
        self._running_out = timer
        try:
            self._handle(host, handler, (), "timer_fired", {"timer": timer.name})
        finally:
            self._running_out = None
