"""When things are due in the trace of a schedule, which knows an order and no durations."""

from __future__ import annotations

from raft_steps.lab.trace.trace import Trace

FAR = 5  # A message that never arrives has come a fifth of its way by the end.


def set_dues(trace: Trace) -> None:
    """Say of each timer that it is due when it runs out, and of each message that it is due when it arrives.

    A timer that never runs out is due at the end. A message that never arrives is due long after it, so that a picture
    shows it leave and get no further.
    """
    ends: dict[tuple[str, str], int] = {}
    for event in reversed(trace.events):
        if event.kind in ("delivered", "dropped"):
            ends["message", event["message"]] = event.time_us
        elif event.kind == "sent":
            event.detail["due"] = ends.get(
                ("message", event["message"]), event.time_us + FAR * (trace.end_us - event.time_us)
            )
        elif event.kind in ("timer_fired", "timer_cancelled"):
            ends[event.server, event["timer"]] = event.time_us if event.kind == "timer_fired" else trace.end_us
        elif event.kind == "timer_started":
            event.detail["due"] = ends.pop((event.server, event["timer"]), trace.end_us)
