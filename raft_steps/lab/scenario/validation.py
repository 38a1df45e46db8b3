"""Checks that a scenario can be run. An error names the part that is wrong and what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from raft_steps.lab.commands import Get, command_of_words, parse_command
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import (
    CHANGES,
    MICROSECONDS,
    TARGETS,
    TIMINGS,
    VERBS,
    WHOLE_NUMBER,
    Action,
    RequestWords,
    ScenarioData,
    format_seconds,
    parse_number,
    request_words,
)
from raft_steps.lab.scenario.reachable_starts import check_start
from raft_steps.lab.text import nearest

DURATION_MAX_S = 1e9  # the longest delay or timeout; the comparison with it also rejects infinity and NaN
TIME_MAX_US = int(DURATION_MAX_S) * MICROSECONDS  # the latest time of an action, and of the end: 31 years
MESSAGE_VERBS = frozenset({"drop", "hold", "duplicate"})  # the actions on a single message
WRITES = frozenset({"set", "delete", "append", "cas"})  # the requests that a session carries out once
SPREADS = ("even", "long")  # how a message's delay is drawn


def check_scenario(scenario: ScenarioData) -> None:
    """Check that a scenario can be run.

    Raises:
        ScenarioError: A part is wrong; the message names it and what would be right.
    """
    if scenario.step is not None and type(scenario.step) is not int:
        raise ScenarioError(f"a step is a number, not {scenario.step!r}")
    if type(scenario.seed) is not int:
        raise ScenarioError(f"a seed is a whole number, not {scenario.seed!r}")
    if scenario.timing not in TIMINGS:
        raise ScenarioError(f"there is no timing {scenario.timing!r}; there are {', '.join(TIMINGS)}")
    _check_servers(scenario)
    _check_network(scenario)
    for name, values in scenario.draws.items():
        if not values or not all(_is_number(value) and value > 0 for value in values):
            raise ScenarioError(f"the draws of {name} are numbers of seconds above 0, not {values!r}")
    for name, rate in scenario.clocks.items():
        if not _is_number(rate) or not 0.1 <= rate <= 10:
            raise ScenarioError(f"the clock of {name} runs at a rate from 0.1 to 10, not {rate!r}; at 1 it is exact")
    _check_times(scenario)
    _check_logs(scenario)
    for action in scenario.actions:
        check_action(action, scenario.servers)


def _check_times(scenario: ScenarioData) -> None:
    """Check that the times are whole microseconds from 0 on, and not so late that the run would not end."""
    times = [(f"the time of {action.verb}", action.at_us) for action in scenario.actions]
    for what, time_us in [*times, ("the end", 0 if scenario.until_us is None else scenario.until_us)]:
        if type(time_us) is not int:
            raise ScenarioError(f"{what} is a whole number of microseconds, not {time_us!r}")
        if not 0 <= time_us <= TIME_MAX_US:
            raise ScenarioError(
                f"{what} is from 0 to {TIME_MAX_US // MICROSECONDS:,} s, not {time_us / MICROSECONDS:g} s"
            )
    for action in scenario.actions:
        if scenario.until_us is not None and action.at_us > scenario.until_us:
            raise ScenarioError(
                f"{action.verb} at {format_seconds(action.at_us)} s would never happen, because the run ends at "
                f"{format_seconds(scenario.until_us)} s; let it end later (until), or leave the action out"
            )


def _check_logs(scenario: ScenarioData) -> None:
    """Check that the logs on disk are those of a run of Raft, and hold nothing but writes."""
    check_start(scenario.first_members, scenario.logs, leader=scenario.leader, step=scenario.step)
    for server, entries in scenario.logs.items():
        for _, text in entries:
            if isinstance(parse_command(text), Get):
                raise ScenarioError(
                    f"the log of {server} holds {text!r}; a log holds writes: set KEY VALUE, delete KEY"
                )


def _check_servers(scenario: ScenarioData) -> None:
    names: tuple[Any, ...] = scenario.servers
    for name in names:
        if not isinstance(name, str) or not name.replace("_", "").isalnum() or name in TARGETS:
            raise ScenarioError(
                f"a server cannot be called {name!r}: a name has letters and digits, and is none of {', '.join(TARGETS)}"
            )
    if not names or len(set(names)) != len(names):
        raise ScenarioError(f"servers need different names, not {' '.join(names) or 'none'}")
    for name in (
        *scenario.later,
        *scenario.members,
        *scenario.logs,
        *scenario.clocks,
        *scenario.draws,
        *([scenario.leader] if scenario.leader else []),
    ):
        if name not in names:
            raise ScenarioError(f"there is no server {name!r}; there are {', '.join(names)}")
    if len(set(scenario.members)) < len(scenario.members):
        raise ScenarioError(f"the members are different servers, not {' '.join(scenario.members)}")
    for name in (*scenario.logs, *([scenario.leader] if scenario.leader else [])):
        if name not in scenario.first_members:
            raise ScenarioError(f"{name} has no log and does not lead at first, because it is none of the members")


def _check_network(scenario: ScenarioData) -> None:
    for share in ("loss", "duplicate", "reorder"):
        value = getattr(scenario, share)
        if not _is_share(value):
            raise ScenarioError(f"{share} is a share of messages, from 0 to 1, not {value!r}")
    if scenario.spread not in SPREADS:
        raise ScenarioError(f"there is no spread {scenario.spread!r}; there are {', '.join(SPREADS)}")
    delay: Any = scenario.delay
    if delay is not None and not (isinstance(delay, tuple) and _is_delay(delay)):
        raise ScenarioError(f"delay needs a low and a high number of seconds, as in (0.2, 0.3), not {delay!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < DURATION_MAX_S


def _is_share(value: Any) -> bool:
    return _is_number(value) and 0 <= value <= 1


def _is_delay(values: Sequence[Any]) -> bool:
    return len(values) == 2 and all(map(_is_number, values)) and 0 <= values[0] <= values[1]


def check_action(action: Action, servers: tuple[str, ...]) -> None:
    """Check that an action can be carried out.

    Raises:
        ScenarioError: It cannot; the message states the reason and the correct form.
    """
    verb, words = action.verb, action.words
    if verb not in VERBS:
        raise ScenarioError(f"there is no action {verb!r}{nearest(verb, VERBS)}")
    form = f"the form is: {verb} {VERBS[verb]}".rstrip()
    for word in words:
        if not isinstance(word, str):
            raise ScenarioError(f"{verb}: a server is given by its name, not {word!r}; {form}")
    if verb == "heal" and words:
        raise ScenarioError(f"heal ends all partitions and cuts at once and takes no words, not {' '.join(words)!r}")
    known = servers if verb in MESSAGE_VERBS else (*servers, *TARGETS)
    for name in _servers_of(verb, words, form):
        if name not in known:
            raise ScenarioError(f"{verb}: there is no server {name!r}{nearest(name, known)}")


def _servers_of(verb: str, words: tuple[str, ...], form: str) -> list[str]:
    """Return the servers that an action's words name, after checking the form of the words."""
    match verb:
        case "heal":
            return []
        case "loss" | "delay":
            return _numbers(verb, words, form)
        case "crash" | "lose" | "tear" | "restart" | "pause" | "resume" | "timeout" | "snapshot" | "partition":
            names = [word for word in words if word != "|"]
            if not names:
                raise ScenarioError(f"{verb} needs at least one server; {form}")
            if verb == "partition" and len(set(names)) != len(names):
                raise ScenarioError(f"partition {' '.join(words)!r} names a server twice; {form}")
            return names
        case "hold":
            _numbers(verb, words[1:], form)
            return _ends(verb, words[:1], form)
        case "cut" | "drop" | "duplicate":
            return _ends(verb, words, form)
        case _:
            return _named_servers(verb, words, form)


def _ends(verb: str, words: tuple[str, ...], form: str) -> list[str]:
    """Parse a link, ``tom>jerry``, or a message on it, ``tom>jerry#7``, and return the two servers."""
    link, hash_sign, number = words[0].partition("#") if len(words) == 1 else ("", "", "")
    ends = link.split(">")
    is_message = WHOLE_NUMBER.fullmatch(number) is not None and int(number) > 0 and number.isdecimal()
    wanted = is_message if verb in MESSAGE_VERBS else not hash_sign
    if len(ends) != 2 or not wanted:
        raise ScenarioError(f"{verb} {' '.join(words)!r} cannot be read; {form}")
    if ends[0] == ends[1]:
        raise ScenarioError(f"{verb} {' '.join(words)!r}: a server has no link to itself; {form}")
    return ends


def _numbers(verb: str, words: tuple[str, ...], form: str) -> list[str]:
    """Check the numbers of an action, and return no server, since they name none."""
    try:
        values = [parse_number(word) for word in words]
    except ValueError:
        values = []
    good = {
        "loss": len(values) == 1 and _is_share(values[0]),
        "delay": _is_delay(values),
        "hold": len(values) == 1 and _is_number(values[0]) and values[0] > 0,
    }
    if not good[verb]:
        why = {"loss": "a share is from 0 to 1", "delay": "LOW is from 0 to HIGH", "hold": "SECONDS are above 0"}[verb]
        raise ScenarioError(f"{verb} {' '.join(words)!r} cannot be read: {why}; {form}")
    return []


def _named_servers(verb: str, words: tuple[str, ...], form: str) -> list[str]:
    """Return the servers that a request names: the one to which it is addressed, and the one that is to lead."""
    parts = request_words(verb, words)
    if parts is None or not _is_request(parts, by_name=verb == "retry"):
        raise ScenarioError(f"{verb} {' '.join(words)!r} cannot be read; {form}")
    successor = parts.request[1:] if parts.request[0] == "transfer" else ()
    if any(name in TARGETS for name in successor):
        raise ScenarioError(f"{verb} {' '.join(words)!r}: a server that is to lead is given by its own name; {form}")
    named = parts.request[1].split(",") if parts.request[0] in ("members", *CHANGES) else successor
    return [*named, *([parts.receiver] if parts.receiver else [])]


def _is_request(parts: RequestWords, *, by_name: bool) -> bool:
    """Return whether a request can be parsed, and whether its sender is a client's name or a command's number in a session."""
    if by_name and parts.sender:
        return parts.request[0] in WRITES and parts.sender.isidentifier()
    words = (*parts.request, "as", parts.sender) if parts.sender else parts.request
    if words[0] in CHANGES and not parts.sender:
        return True
    try:
        command_of_words(*words)
    except ScenarioError:
        return False
    return True
