"""The timers of a simulation's servers.

A restarted timer, as an election timer is by every heartbeat, is not planned again: when its first time is up, the
timer is looked at, and looked at again at its new time. So the agenda stays short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from raft_steps.lab.runtime.diagnostics import wait_mistake

if TYPE_CHECKING:
    from raft_steps.lab.runtime.recorder import Note, Recorder
    from raft_steps.lab.runtime.simulator.agenda import Agenda
    from raft_steps.lab.runtime.simulator.simulated_host import Handle, SimulatedHost

LONGEST_S = 1e9  # some thirty years: a longer wait is a mistake in a calculation
NEVER = 2**62  # microseconds; later than everything that can be planned


def check_wait(node: object, timer: str, wait_s: object) -> None:
    """Check the time for which a node starts a timer.

    Raises:
        Mistake: It is not a number of seconds above 0.
    """
    # By type, not by isinstance: True is not a number of seconds.
    if type(wait_s) not in (int, float) or not 0 < wait_s < LONGEST_S:  # type: ignore[operator]  # It is a number by now.
        raise wait_mistake(node, timer, wait_s)


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

    def start(self, host: SimulatedHost, timer: str, wait_s: float) -> None:
        """Start a timer, or restart it if it runs.

        Args:
            host: The server.
            timer: The timer's name.
            wait_s: How many seconds by the server's own clock.

        Raises:
            Mistake: It is not a number of seconds above 0.
        """
        last = host.waits.get(timer)
        if (
            last is None or last[0] is not wait_s
        ):  # Mostly it is the same object as the last time, so it is checked once.
            check_wait(host.node, timer, wait_s)
            last = host.waits[timer] = wait_s, round(wait_s * host.second_us)
        now_us = self._agenda.now_us
        host.timers[timer] = due_us = now_us + last[1]
        if self._recorder is not None:
            self._recorder.event(now_us, "timer_started", host.name, {"timer": timer, "due": due_us})
        if due_us < host.queued.get(timer, NEVER):
            host.queued[timer] = due_us
            self._agenda.push(due_us, self._look, host, timer, host.life)

    def cancel(self, host: SimulatedHost, timer: str) -> None:
        """Cancel a running timer."""
        del host.timers[timer]
        self._note("timer_cancelled", host.name, timer=timer)

    def _look(self, host: SimulatedHost, timer: str, life: int) -> None:
        """Look whether a timer has run out."""
        now_us = self._agenda.now_us
        if host.life != life or host.queued.get(timer) != now_us:
            return
        due_us = host.timers.get(timer)
        if due_us is None:
            del host.queued[timer]
        elif due_us > now_us:
            host.queued[timer] = due_us
            self._agenda.push(due_us, self._look, host, timer, life)
        elif host.paused:
            del host.queued[timer]
            host.mailbox.append((self._look_late, host, timer, life))
        else:
            self.run_out(host, timer)

    def _look_late(self, host: SimulatedHost, timer: str, life: int) -> None:
        """Dispatch a timer that ran out while its server was paused, unless it was restarted since."""
        if host.life == life and timer in host.timers and host.timers[timer] <= self._agenda.now_us:
            self.run_out(host, timer)

    def run_out(self, host: SimulatedHost, timer: str) -> None:
        """Let a running timer run out now.

        Raises:
            NodeError: The node failed in the timer's handler.
        """
        host.queued.pop(timer, None)
        del host.timers[timer]
        handler = host.find_handler(f"on_{timer}_timeout", self._agenda.now_us)
        self._handle(host, handler, (), "timer_fired", {"timer": timer})
