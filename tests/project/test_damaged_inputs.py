"""A damaged file is read, or refused with one clear error; it never ends in another exception."""

from __future__ import annotations

import contextlib

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raft_steps.lab import Cluster, parse_history
from raft_steps.lab.errors import LabError
from raft_steps.lab.files import read_text
from raft_steps.lab.pictures.space_time import timeline
from raft_steps.lab.scenario.scenario import Scenario
from raft_steps.lab.trace.merge import merge_traces
from raft_steps.lab.trace.narration import story
from raft_steps.lab.trace.trace import Trace
from raft_steps.lab.verify.conformance import FOLDER, read_entry
from raft_steps.lab.verify.linearizability import check_linearizable
from raft_steps.lab.verify.model_checker import Schedule, stored_schedule, stored_schedule_names
from raft_steps.lab.verify.properties import check_trace
from tests.helpers.damage import damaged_json, damaged_texts

SCENARIO = Scenario.parse(
    "raft-steps 1; step 8; servers tom jerry spike; later spike; seed 3; leader tom; timing paper; delay 0.001 0.01; "
    "spread long; loss 0.1; duplicate 0.1; reorder 0.1; log tom 1 'set x 1' 1 'set y 2'; clock tom 1.1; draws jerry 0.2 1; "
    "at 1 partition tom | jerry spike; at 1.5 cut tom>jerry; at 2 heal; at 2 set x 'a b' to tom; at 3 crash leader; "
    "at 4 restart crashed; at 4.5 hold tom>jerry#3 2; at 4.6 loss 0.5; at 4.7 delay 1 2; at 5 get x; until 6"
)
EDN = (
    "[{:process 0, :type :invoke, :f :write, :value [7 1], :time 5, :index 0}\n"
    ' #jepsen.history.Op{:process :nemesis, :type :info, :f :start, :value {:a #{1 2} "n1" [:b]}, :time 6}\n'
    " {:process 0, :type :ok, :f :write, :value [7 1], :time 7} ; a comment\n"
    ' {:process "alice", :type :invoke, :f :cas, :value [7 [1 1.5]], :time 8}\n'
    ' {:process "alice", :type :fail, :f :cas, :value [7 [1 1.5]], :time 9, :error \\a}\n'
    " {:process 2, :type :invoke, :f :read, :value [7 nil], :time 10}\n"
    " {:process 2, :type :ok, :f :read, :value [7 1], :time 11}]\n"
)  # fmt: skip
LOG = (
    "2021-02-26 23:39:01,300{GMT}\tINFO\t[jepsen test runner] jepsen.core: Running\n more\n"
    "2021-02-26 23:39:01,300{GMT}\tINFO\t[jepsen worker 0] jepsen.util: 0\t:invoke\t:write\t3\n"
    "2021-02-26 23:39:01,301{GMT}\tINFO\t[jepsen worker 0] jepsen.util: 0\t:ok\t:write\t3\n"
    "INFO [2019-04-01 11:25:23,760] jepsen worker 3 - jepsen.util 3\t:invoke\t:cas\t[0 4]\n"
    "INFO  jepsen.util - 3\t:fail\t:cas\t[0 4]\t:no\n"
    "INFO\t[jepsen worker 1] jepsen.util: :nemesis\t:info\t:start\tnil\n"
)
HISTORY_TXT = (
    '0\t:invoke\t:write\t"a b"\n0\t:ok\t:write\t"a b"\n:nemesis\t:info\t:start\t{:a 1}\n1\t:invoke\t:read\tnil\n'
)
FAST = settings(
    max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


def trace_text() -> str:
    """Return a short trace in which much happens."""
    cluster = Cluster.replay(SCENARIO)
    lines = cluster.trace.to_text().split("\n")
    kinds: dict[str, int] = {}
    kept = [lines[0]]
    for line, event in zip(lines[1:], cluster.trace, strict=False):
        kinds[event.kind] = kinds.get(event.kind, 0) + 1
        if kinds[event.kind] <= 3:
            kept.append(line)
    return "\n".join(kept) + "\n"


TRACE = trace_text()
TRACE_LINES = TRACE.rstrip("\n").split("\n")


def read_trace(text: str) -> None:
    """Do with a trace all that one can do with it."""
    trace = Trace.from_text(text)
    assert Trace.from_text(trace.to_text()).events == trace.events
    trace.moment_after(len(trace) - 1)
    str(story(trace))
    timeline(trace)
    check_trace(trace)
    read_history(text)


def read_history(text: str) -> None:
    """Parse a history and check it."""
    history = parse_history(text)
    for model in ("kv", "register"):
        with contextlib.suppress(LabError):
            result = check_linearizable(history, model, step_limit=1000)
            str(result)
            result.as_data()
            result.picture()


@FAST
@given(damaged_json(SCENARIO.to_json()) | damaged_texts(SCENARIO.to_json()) | damaged_texts(SCENARIO.to_text()))
def test_damaged_scenarios(text: str) -> None:
    """A scenario that is read can be written and read again."""
    with contextlib.suppress(LabError):
        scenario = Scenario.parse(text)
        assert scenario == Scenario.parse(scenario.to_text())
        assert scenario == Scenario.parse(scenario.to_json())


@FAST
@given(st.data())
def test_damaged_traces(data: st.DataObject) -> None:
    """A trace that is read can be told, drawn and checked."""
    place = data.draw(st.integers(0, len(TRACE_LINES) - 1))
    line = data.draw(
        damaged_json(TRACE_LINES[place]) | damaged_texts(TRACE_LINES[place]) | st.sampled_from(["5", "[]", "{}"])
    )
    with contextlib.suppress(LabError):
        read_trace("\n".join([*TRACE_LINES[:place], line, *TRACE_LINES[place + 1 :]]))


@FAST
@given(damaged_texts(EDN) | damaged_texts(LOG) | damaged_texts(HISTORY_TXT))
def test_damaged_histories(text: str) -> None:
    """A history that is read can be checked, reported and drawn."""
    with contextlib.suppress(LabError):
        read_history(text)


SCHEDULE = stored_schedule(stored_schedule_names()[0]).to_text()


@FAST
@given(damaged_texts(SCHEDULE))
def test_damaged_schedules(text: str) -> None:
    """A schedule that is read can be written and read again."""
    with contextlib.suppress(LabError):
        schedule = Schedule.parse(text)
        assert schedule == Schedule.parse(schedule.to_text())


ENTRY = (
    "# An example\nname Example\nknown as MIT 6.5840, Example\nservers tom jerry spike tyke butch\ntiming paper\n"
    "script eight from 2 count 5 short 0.0065 long 0.25 fault cut\nscript crashes from 2 rounds 1 every 8\n"
    "script isolations from 2 rounds 2 every 3 alone 3 for 2.2\nscript writes from 2 count 5 key a value 1 length 3 to tom\n"
    "at 1 crash tom\nhold Election Safety\nexpect 5 one leader\nexpect 5-7.5 all have a=b\nexpect 9 calls at most 30 since 5\n"
    "not yet 4 until 9: a reason\nuntil 60\n"
).replace("# An example\n", "# An example\nraft-steps 1\n")


@FAST
@given(damaged_texts(ENTRY))
def test_damaged_entries(text: str) -> None:
    """An entry of the catalogue that is read has a scenario."""
    with contextlib.suppress(LabError):
        read_entry(text).scenario(8, 1)


def test_the_undamaged_texts_are_read() -> None:
    """What is damaged above is right as it is, so that the tests above do not refuse everything."""
    read_trace(TRACE)
    for text in (EDN, LOG, HISTORY_TXT):
        assert "ok" == check_linearizable(parse_history(text)).verdict
    assert Schedule.parse(SCHEDULE).steps
    assert 4 == len(read_entry(ENTRY).scripts)
    for path in FOLDER.glob("*.txt"):
        assert read_entry(read_text(path, "an entry")).name


HEADER = '{"version": 1, "title": "x", "servers": ["tom", "jerry"], "server": "tom", "life": 1, "boot": "b"}'
ROWS = [line for line in TRACE_LINES[1:] if '"kind": "sent"' in line or '"kind": "timer_started"' in line]
ROWS = [line for line in ROWS if "spike" not in line][:4]


@FAST
@given(damaged_json(HEADER) | damaged_texts(HEADER), st.sampled_from(ROWS).flatmap(damaged_json))
def test_damaged_traces_of_servers(header: str, row: str) -> None:
    """A server's trace that is read can be merged."""
    for first, second in ((header, ROWS[0]), (HEADER, row)):
        with contextlib.suppress(LabError):
            merge_traces([("file", f"{first}\n{second}\n")])
