"""A scenario survives its line of text and its JSON object; one that cannot be run is refused with a reason."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from raft_steps.lab.cluster.cluster import Cluster
from raft_steps.lab.commands import command_text, parse_command
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.scenario.model import SERVER_NAMES, VERBS, Action, format_seconds, parse_seconds, server_names
from raft_steps.lab.scenario.scenario import Scenario, default_scenario
from tests.helpers.starts import starts

SERVERS = ("tom", "jerry", "spike")
WORDS = st.text(min_size=0, max_size=8)
TIMES = st.integers(0, 10**12)
NAMES = st.sampled_from(SERVERS)
SHARES = st.just(0.0) | st.floats(0.001, 1)
COMMANDS = st.builds(
    lambda key, value: command_text(parse_command(f"set {key} {value}")), *[st.from_regex("[a-z]+", fullmatch=True)] * 2
)


@st.composite
def actions(draw: st.DrawFn) -> Action:
    """Generate an action that can be carried out."""
    verb = draw(st.sampled_from(sorted(VERBS)))
    first, second = draw(st.permutations(SERVERS).map(lambda names: names[:2]))
    key, value = draw(WORDS), draw(WORDS)
    words: tuple[str, ...] = {
        "partition": (first, "|", second),
        "cut": (f"{first}>{second}",),
        "heal": (),
        "drop": (f"{first}>{second}#{draw(st.integers(1, 99))}",),
        "hold": (f"{first}>{second}#{draw(st.integers(1, 99))}", str(draw(st.floats(0.001, 99)))),
        "duplicate": (f"{first}>{second}#{draw(st.integers(1, 99))}",),
        "loss": (str(draw(SHARES)),),
        "delay": (str(draw(st.floats(0, 1))), str(draw(st.integers(1, 9)))),
        "set": (key, value),
        "delete": (key, "to", first),
        "get": (key,),
        "append": (key, value, "as", "4.2"),
        "cas": (key, value, key, "as", "4.2", "to", first),
        "open": ("session",),
        "transfer": (first, "to", second),
        "members": (f"{first},{second}", "to", first),
        "add": (first,),
        "remove": (second, "to", first),
        "retry": ("append", key, value, "as", "ann", "to", first),
    }.get(verb, (draw(st.sampled_from(["leader", "crashed", first])),))
    return Action(draw(TIMES), verb, words)


def begin(start: tuple[dict[str, Any], str | None], rest_us: int | None, **parts: Any) -> Scenario:
    """Build a scenario from its logs and its leader, its time after the last action, and the other parts."""
    last_us = max((action.at_us for action in parts["actions"]), default=0)
    until_us = None if rest_us is None else last_us + rest_us
    return Scenario(logs=start[0], leader=start[1], until_us=until_us, **parts)


SCENARIOS = st.builds(
    begin,
    step=st.none() | st.integers(1, 8),
    servers=st.just(SERVERS),
    later=st.lists(NAMES, unique=True, max_size=2).map(tuple),
    members=st.just(()) | st.just(SERVERS),
    seed=st.integers(),
    timing=st.sampled_from(["post", "paper"]),
    delay=st.none() | st.tuples(st.floats(0, 1), st.floats(1, 5)),
    loss=SHARES,
    duplicate=SHARES,
    reorder=SHARES,
    start=starts(SERVERS, COMMANDS),
    draws=st.dictionaries(NAMES, st.lists(st.integers(8, 18) | st.floats(0.1, 9), min_size=1, max_size=3).map(tuple)),
    actions=st.lists(actions(), max_size=5).map(tuple),
    rest_us=st.none() | TIMES,
)


@given(scenario=SCENARIOS)
@example(scenario=Scenario(actions=(Action(0, "set", ("\u2003", "1\x1f")),)))
def test_every_scenario_comes_back_from_its_line(scenario: Scenario) -> None:
    """A scenario equals what is parsed from its line of text, whatever characters its keys and values have."""
    assert scenario == Scenario.parse(scenario.to_text())


@given(scenario=SCENARIOS)
def test_every_scenario_comes_back_from_json(scenario: Scenario) -> None:
    """A scenario equals what is parsed from its JSON, which is a single line."""
    text = scenario.to_json()

    assert scenario == Scenario.parse(text)
    assert "\n" not in text


def test_line_reads_like_a_sentence() -> None:
    """The line has a clause for each part that differs from its default."""
    scenario = Scenario(
        step=6,
        seed=7,
        delay=(0.1, 0.2),
        loss=0.05,
        logs={"tom": ((1, "set x 'a b'"),)},
        draws={"jerry": (11,)},
        actions=(Action(12_000_000, "crash", ("leader",)), Action(30_500_000, "set", ("x", "1"))),
        until_us=60_000_000,
    )

    assert (
        "raft-steps 1; step 6; servers tom jerry spike; seed 7; delay 0.1 0.2; loss 0.05; "
        """log tom 1 'set x '"'"'a b'"'"''; draws jerry 11; at 12 crash leader; at 30.5 set x 1; until 60"""
        == scenario.to_text()
    )


@pytest.mark.parametrize(
    "line",
    [
        "raft-steps 1; step 6; at 3 set x \"a; b\"; at 4 set y 'c;d'",
        "raft-steps 1;step 6;at 3 set x 'a; b';at 4 set y c\\;d;",
        ' raft-steps 1 ; step 6 ;; at 3.0 set x a\\;\\ b; at 4 set y "c;d" ',
    ],
)
def test_words_may_be_quoted_in_several_ways(line: str) -> None:
    """Both kinds of quotation marks, backslashes, and spaces around semicolons are accepted."""
    found = Scenario.parse(line).actions

    assert (Action(3_000_000, "set", ("x", "a; b")), Action(4_000_000, "set", ("y", "c;d"))) == found


@pytest.mark.parametrize(
    "line, complaint",
    [
        ("", "a scenario begins with its version, as in: raft-steps 1; step 6"),
        ("step 6", "a scenario begins with its version"),
        ("raft-steps 2; step 6", "is of version 2; this laboratory reads version 1"),
        ("raft-steps one", "cannot be read: raft-steps one"),
        ("raft-steps 1; step six", "cannot be read: step six"),
        ("raft-steps 1; step", "cannot be read: step"),
        ("raft-steps 1; steps 6", "no part 'steps'; did you mean 'step'?"),
        ("raft-steps 1; logs tom 1 'set x 1'", "no part 'logs'; did you mean 'log'?"),
        ("raft-steps 1; seed 1; seed 2", "has seed twice"),
        ("raft-steps 1; clock tom 1.5; clock tom 2", "has the clock of tom twice"),
        ("raft-steps 1; servers", "servers need different names, not none"),
        ("raft-steps 1; servers tom tom", "servers need different names, not tom tom"),
        ("raft-steps 1; servers tom leader", "a server cannot be called 'leader'"),
        ("raft-steps 1; servers tom a>b", "a server cannot be called 'a>b'"),
        ("raft-steps 1; leader bob", "there is no server 'bob'; there are tom, jerry, spike"),
        ("raft-steps 1; later bob", "there is no server 'bob'"),
        ("raft-steps 1; members bob", "there is no server 'bob'"),
        ("raft-steps 1; members tom tom", "the members are different servers, not tom tom"),
        ("raft-steps 1; members tom; leader jerry", "jerry has no log and does not lead at first"),
        ("raft-steps 1; members tom; log jerry 1 'set x 1'", "jerry has no log and does not lead at first"),
        ("raft-steps 1; at 1 members tom,bob", "members: there is no server 'bob'"),
        ("raft-steps 1; at 1 members tom,tom", "cannot be read; the form is: members SERVER,SERVER"),
        ("raft-steps 1; at 1 add bob", "add: there is no server 'bob'"),
        ("raft-steps 1; at 1 add tom as 4.2", "cannot be read; the form is: add SERVER"),
        ("raft-steps 1; log bob 1 'set x 1'", "there is no server 'bob'"),
        ("raft-steps 1; log tom 1", "cannot be read: log tom 1"),
        ("raft-steps 1; log tom 1 'set x'", "'set x' is not a command"),
        ("raft-steps 1; timing fast", "there is no timing 'fast'; there are post, paper"),
        ("raft-steps 1; delay 2 1", "delay needs a low and a high number of seconds"),
        ("raft-steps 1; delay 1", "cannot be read: delay 1"),
        ("raft-steps 1; delay 0 inf", "delay needs a low and a high number of seconds"),
        ("raft-steps 1; loss 2", "loss is a share of messages, from 0 to 1, not 2.0"),
        ("raft-steps 1; loss nan", "loss is a share"),
        ("raft-steps 1; draws tom 0", "the draws of tom are numbers of seconds above 0"),
        ("raft-steps 1; draws tom x", "cannot be read: draws tom x"),
        ("raft-steps 1; until -1", "-1 s lies before the start"),
        ("raft-steps 1; until nan", "'nan' is not a number of seconds"),
        ("raft-steps 1; at x crash tom", "'x' is not a number of seconds"),
        ("raft-steps 1; at 3", "cannot be read: at 3"),
        ('raft-steps 1; at 3 set x "', "an open quotation mark"),
    ],
)
def test_bad_line_is_refused(line: str, complaint: str) -> None:
    """The error for a line names the clause that is wrong and what would be right."""
    with pytest.raises(ScenarioError) as caught:
        Scenario.parse(line)

    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "parts, complaint",
    [
        ('"step": "6"', "a step is a number, not '6'"),
        ('"seed": "x"', "a seed is a whole number, not 'x'"),
        ('"seed": true', "a seed is a whole number, not True"),
        ('"servers": "tom"', "servers is a list, not 'tom'"),
        ('"servers": [1, 2]', "a server cannot be called 1"),
        ('"delay": [1, 2, 3]', "delay needs a low and a high number of seconds"),
        ('"delay": ["a", "b"]', "delay needs a low and a high number of seconds"),
        ('"loss": true', "loss is a share of messages"),
        ('"logs": []', "a part of the scenario does not have the right form"),
        ('"draws": {"tom": ["x"]}', "the draws of tom are numbers of seconds above 0"),
        ('"actions": [[1]]', "a part of the scenario does not have the right form"),
        ('"actions": [["x", "crash", "tom"]]', "'x' is not a number of seconds"),
        ('"until": "x"', "'x' is not a number of seconds"),
        ('"stepp": 6', "a scenario has no 'stepp'; did you mean 'step'?"),
    ],
)
def test_bad_json_is_refused(parts: str, complaint: str) -> None:
    """The error for a JSON object names the part that is wrong."""
    with pytest.raises(ScenarioError) as caught:
        Scenario.parse(f'{{"version": 1, {parts}}}')

    assert complaint in str(caught.value)


@pytest.mark.parametrize("text", ["{", "{}", '{"version": 2}'])
def test_json_without_a_known_version_is_refused(text: str) -> None:
    """JSON that is broken, or has no version or an unknown one, is refused."""
    with pytest.raises(ScenarioError):
        Scenario.parse(text)


@pytest.mark.parametrize(
    "action, complaint",
    [
        ("crsh tom", "there is no action 'crsh'; did you mean 'crash'?"),
        ("crash", "crash needs at least one server; the form is: crash SERVER…"),
        ("crash bob", "there is no server 'bob'; there are tom, jerry, spike, leader, followers, crashed"),
        ("crash jery", "there is no server 'jery'; did you mean 'jerry'?"),
        ("partition", "partition needs at least one server;"),
        ("partition |", "partition needs at least one server;"),
        ("partition tom | tom", "names a server twice"),
        ("cut tom", "cut 'tom' cannot be read; the form is: cut FROM>TO (one way only)"),
        ("cut tom>tom", "a server has no link to itself"),
        ("cut tom>jerry#3", "cannot be read"),
        ("heal tom", "heal ends all partitions and cuts at once"),
        ("drop tom>jerry", "the form is: drop MESSAGE, such as tom>jerry#7"),
        ("drop tom>jerry#0", "cannot be read"),
        ("drop tom>jerry#²", "cannot be read"),
        ("drop leader>tom#1", "there is no server 'leader'"),
        ("drop tom>tom#1", "a server has no link to itself"),
        ("set x", "set 'x' cannot be read; the form is: set KEY VALUE [as SESSION.SERIAL] [to SERVER]"),
        (
            "set x 1 as ann",
            "set 'x 1 as ann' cannot be read; the form is: set KEY VALUE [as SESSION.SERIAL] [to SERVER]",
        ),
        ("get x as 4.2", "get 'x as 4.2' cannot be read; the form is: get KEY [to SERVER]"),
        ("transfer", "transfer '' cannot be read; the form is: transfer SERVER [to LEADER]"),
        ("transfer bob", "transfer: there is no server 'bob'"),
        ("transfer jerry to bob", "transfer: there is no server 'bob'"),
        ("transfer leader", "transfer 'leader': a server that is to lead is given by its own name"),
        ("open door", "open 'door' cannot be read; the form is: open session [to SERVER]"),
        (
            "retry get x as ann",
            "retry 'get x as ann' cannot be read; the form is: retry REQUEST [as CLIENT] [to SERVER]",
        ),
        ("retry append x 1 as 4.2", "retry 'append x 1 as 4.2' cannot be read"),
        ("retry put x 1", "retry 'put x 1' cannot be read"),
        ("retry", "retry '' cannot be read"),
        ("retry set x 1 to nobody", "retry: there is no server 'nobody'"),
        ("set x 1 at tom", "cannot be read"),
        ("get x to bob", "there is no server 'bob'"),
    ],
)
def test_action_that_cannot_be_carried_out_is_refused(action: str, complaint: str) -> None:
    """An action is checked before the run begins; the error shows the right form."""
    with pytest.raises(ScenarioError) as caught:
        Scenario.parse(f"raft-steps 1; at 3 {action}")

    assert complaint in str(caught.value)


def test_words_of_an_action_are_text() -> None:
    """A server is given by its name, not by a number."""
    with pytest.raises(ScenarioError, match="a server is given by its name, not 3"):
        Scenario(actions=(Action(0, "crash", (3,)),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "step, servers, leader",
    [(1, 1, None), (2, 3, "tom"), (3, 3, "tom"), (4, 3, None), (8, 3, None)],
)
def test_defaults_suit_the_step(step: int, servers: int, leader: str | None) -> None:
    """Step 1 has one server; in steps 2 and 3 the first of three leads from its start; from step 4 on none does."""
    scenario = default_scenario(step)

    assert (servers, leader) == (len(scenario.servers), scenario.leader)


def test_servers_are_named_in_order() -> None:
    """The first seven servers have names, the others numbers."""
    assert (*SERVER_NAMES, "s8", "s9") == server_names(9)
    with pytest.raises(ScenarioError, match="at least one server, not 0"):
        server_names(0)


@given(time_us=st.integers(0, 10**15))
def test_times_are_whole_microseconds(time_us: int) -> None:
    """A time that is formatted in seconds is parsed to the same microsecond."""
    assert time_us == parse_seconds(format_seconds(time_us))


@pytest.mark.parametrize("time_us, text", [(0, "0"), (12_000_000, "12"), (12_340_000, "12.34"), (1, "0.000001")])
def test_seconds_are_short(time_us: int, text: str) -> None:
    """Trailing zeros are left out."""
    assert text == format_seconds(time_us)


@pytest.mark.parametrize("value", ["x", None, float("nan"), float("inf"), -1, [1]])
def test_what_is_not_a_time_is_refused(value: Any) -> None:
    """Text, None, infinity and negative numbers are not times."""
    with pytest.raises(ScenarioError):
        parse_seconds(value)


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("raft-steps 1; until 1e300", "is too late: a run lasts at most"),
        ("raft-steps 1; at 1e300 heal", "is too late: a run lasts at most"),
        ("raft-steps 1; until 1_0", "'1_0' is not a number of seconds"),
        ("raft-steps 1; seed 1_0", "this part of the scenario cannot be read: seed 1_0"),
        ("raft-steps 1; seed " + "9" * 5000, "this part of the scenario cannot be read"),
        ("raft-steps 1; log tom 1 'set x 1'; log tom 1 'set x 2'", "the scenario has the log of tom twice"),
        ("raft-steps 1; draws tom 9; draws tom 8", "the scenario has the draws of tom twice"),
        ('{"version": 1, "timing": []}', "timing is a text, not []"),
        ('{"version": true}', "of version True"),
        ('{"version": 1, "seed": 1, "seed": 2}', "an object has 'seed' twice"),
        ('{"version": 1, "logs": {"tom": [[1.5, "set x 1"]]}}', "the term of entry 1 of logs.tom is a whole number, not 1.5"),
        ('{"version": 1, "actions": [[1, "heal"], [1, "set", "x", null]]}', "each word of action 2 is a text or a number"),
        ('{"version": 1, "actions": [[true, "heal"]]}', "action 1: True is not a number of seconds"),
        ("[" * 100_000, "a scenario has no part"),
        ('{"a":' * 100_000, "the scenario is not a JSON object: it is nested too deep"),
    ],
)  # fmt: skip
def test_malformed_parts_are_refused_with_their_place(text: str, complaint: str) -> None:
    """Each is one clear error, and none is read as something else."""
    with pytest.raises(ScenarioError, match=re.escape(complaint)):
        Scenario.parse(text)


@pytest.mark.parametrize(
    "clause, words",
    [
        ("at -1 crash tom", "lies before the start, which is 0 s"),
        ("at 1e10 crash tom", "is too late: a run lasts at most 1,000,000,000 s"),
        ("at inf crash tom", "is too late"),
        ("at nan crash tom", "is not a number of seconds"),
        ("at ten crash tom", "is not a number of seconds"),
        ("until -1", "lies before the start, which is 0 s"),
        ("until 1e300", "is too late"),
        ("until nan", "is not a number of seconds"),
    ],
)
def test_times_have_a_range(clause: str, words: str) -> None:
    """A time of an action, or an end, that no run can have is an error with the value, in text and in JSON."""
    with pytest.raises(ScenarioError, match=re.escape(words)):
        Scenario.parse(f"raft-steps 1; step 8; {clause}")

    first, time, *rest = clause.split()
    part = {"actions": [[time, *rest]]} if first == "at" else {"until": time}
    with pytest.raises(ScenarioError, match=re.escape(words)):
        Scenario.parse(json.dumps({"version": 1, "step": 8} | part))


@pytest.mark.parametrize("time_us", [-1, 10**15 + 1, 1.5, True])
def test_times_of_data_have_a_range(time_us: Any) -> None:
    """The same holds for a scenario that is built in Python."""
    with pytest.raises(ScenarioError, match="the end is"):
        Scenario(step=8, until_us=time_us)
    with pytest.raises(ScenarioError, match="the time of crash is"):
        Scenario(step=8, actions=(Action(time_us, "crash", ("tom",)),))


def test_action_after_the_end_is_refused() -> None:
    """It would never happen; at the end itself it does."""
    with pytest.raises(
        ScenarioError, match=r"crash at 12 s would never happen, because the run ends at 11\.5 s; let it"
    ):
        Scenario.parse("raft-steps 1; step 8; at 12 crash tom; until 11.5")

    trace = Cluster.replay("raft-steps 1; step 8; at 12 crash tom; until 12").trace
    assert ["tom"] == [event.server for event in trace.of("crashed")]


def test_earlier_end_leaves_later_actions_out() -> None:
    """A scenario that is cut off has no action that would never happen."""
    scenario = Scenario.parse("raft-steps 1; step 8; at 12 crash tom; at 30 restart tom; until 60")

    assert "raft-steps 1; step 8; servers tom jerry spike; seed 0; at 12 crash tom; until 12" == (
        scenario.ending_at(12_000_000).to_text()
    )
