"""Histories as text: the formats of Jepsen, Porcupine and Knossos, in and out; errors name the line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raft_steps.lab import Cluster
from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability import (
    History,
    Operation,
    check_linearizable,
    format_history,
    parse_history,
    read_history,
)
from raft_steps.lab.verify.linearizability.edn import parse_edn
from raft_steps.lab.verify.linearizability.history import ActionName, Outcome

DATA = Path(__file__).parent / "data"
MODELS = {".log": "register", ".edn": "register", ".txt": "kv"}
FILES = sorted(path for path in DATA.iterdir() if path.suffix in MODELS)


def log(*rows: str) -> str:
    """Build the lines of a Jepsen log; a blank stands for a tab."""
    return "".join(f"INFO  jepsen.util - {row.replace(' ', chr(9), 3)}\n" for row in rows)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_samples_have_their_verdicts(path: Path) -> None:
    """In each format, the sample that ends in _ok is linearizable, and the one that ends in _bad is not."""
    expected = "ok" if path.stem.endswith("_ok") else "violated"

    assert expected == check_linearizable(read_history(path), MODELS[path.suffix]).verdict


def test_there_are_samples_of_every_format() -> None:
    """Each of the three formats has a good and a bad sample."""
    assert 6 == len(FILES)


def test_log_of_jepsen_is_read() -> None:
    """A failed cas is an answer; a read that timed out has failed; a write that timed out may have happened."""
    history = read_history(DATA / "register_ok.log")

    assert ["get → nothing", "set 3 ?", "cas 3 4", "cas 3 1 → no", "get failed", "get → 4"] == [
        op.description for op in history
    ]
    assert not history.timed
    assert ["nemesis start"] == [mark.text for mark in history.marks]


def test_log_of_porcupine_is_read() -> None:
    """In a kv log a key that does not exist reads "", and values keep their quotation marks."""
    history = read_history(DATA / "kv_ok.txt")

    assert "" == history.missing
    assert ["", "one two", 'x "y"'] == [op.answer for op in history if op.action == "get"]


def test_edn_of_knossos_is_read() -> None:
    """Times are in nanoseconds; comments, discarded forms and tags are ignored; a failed cas did not happen."""
    history = read_history(DATA / "knossos_ok.edn")

    assert ["set 1 ?", "get → 1", "cas 1 2 failed", "get → 1"] == [op.description for op in history]
    assert (1_000_000, None) == (history.operations[0].called_us, history.operations[0].returned_us)
    assert (1_200_000, 1_500_000) == (history.operations[1].called_us, history.operations[1].returned_us)
    assert [(1_300_000, "nemesis start-partition")] == [(mark.time_us, mark.text) for mark in history.marks]
    assert history.timed


def test_failed_write_did_not_happen() -> None:
    """A value that only a failed write wrote cannot be read."""
    edn = (
        "{:process 0 :type :invoke :f :write :value 3}{:process 0 :type :fail :f :write :value 3}"
        "{:process 1 :type :invoke :f :read :value nil}{:process 1 :type :ok :f :read :value 3}"
    )

    assert "violated" == check_linearizable(parse_history(edn)).verdict
    assert "ok" == check_linearizable(parse_history(edn.replace(":fail", ":info"))).verdict


def test_saved_trace_is_read() -> None:
    """A trace of the laboratory is parsed as the history of its run."""
    cluster = Cluster(3)
    cluster.set("x", 1)
    cluster.get("x")

    assert cluster.history() == parse_history(cluster.trace.to_text())


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "there is no history: the text is empty"),
        (log("0 :invoke :read nil") + "what is this\n", "line 2: 'what is this' is not a line of a log"),
        (log("0 :invoke"), "line 1: "),
        (log("0 :invoke :read nil", "0 :ok :read 1 2"), "line 2: '1 2' is more than one value"),
        (log("0 :invoke :read nil", "0 :ok :read [1"), "line 2: the text ends where"),
        (log("0 :invoke :read nil", "0 :invoke :read nil"), "line 2: process 0 invokes an operation before the one on line 1 has completed"),
        (log("0 :ok :read 1"), "line 1: ok for process 0, which has no open operation"),
        (log("0 :invoke :read nil", "0 :ok :write 1"), "line 2: process 0 completes another operation than it invoked on line 1"),
        (log("0 :invoke :write 1", "0 :info :write :x", "0 :invoke :read nil"), "line 3: process 0 invokes an operation after the info on line 2"),
        (log("0 :invoke :cas 3"), "line 1: a cas has two values"),
        (log("0 :invoke :fly 3"), "line 1: 'fly' is none of read, get"),
        (log("0 :begin :read nil"), "line 1: :type is :invoke, :ok, :fail or :info, not 'begin'"),
        ("{:process 0}", "line 1: this map has no :type"),
        ("\n\n{:process 0 :type :go :f :read}", "line 3: :type is :invoke"),
        ("{:process 0 :type :invoke :f :read :time 1.5}", "line 1: :time is a whole number of nanoseconds"),
        ("{:process 0 :type}", "line 1: a map needs a value for each key"),
        ("[{:process 0\n :type :invoke", "line 2: the text ends where '}' of the '{' on line 1"),
        ("[{:process 0 :type :invoke)", "line 1: ')' closes the '{' on line 1; it should be '}'"),
        ("}", "line 1: '}' is where a form should begin"),
        ("[" * 60, "line 1: forms are nested more than 50 deep"),
        ("\nimport this", "line 2: a history consists of maps"),
        ('{"version": 1}', "this is not a trace"),
    ],
)  # fmt: skip
def test_errors_name_the_line(text: str, complaint: str) -> None:
    """Text that is not a history is refused with a sentence that names the line."""
    with pytest.raises(HistoryError) as refused:
        parse_history(text)

    assert str(refused.value).startswith(complaint)


def test_binary_file_is_refused(tmp_path: Path) -> None:
    """A file whose bytes are not text is refused with its name."""
    path = tmp_path / "history.edn"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(HistoryError, match="is not a text file"):
        read_history(path)


# Writing.

NUMBERS = st.integers(0, 9)
WRITTEN: list[ActionName] = ["set", "get", "cas"]
ROWS = st.lists(st.tuples(st.sampled_from(WRITTEN), NUMBERS, NUMBERS, st.sampled_from(["ok", "unknown", "no"])))


def history_of(rows: list[tuple[ActionName, int, int, str]], key: str | None, *, text: bool) -> History:
    """Build a history in which one client after another asks; every second answer comes late."""
    made = []
    for number, (action, one, other, fate) in enumerate(rows):
        outcome: Outcome = "unknown" if fate == "unknown" else "ok"
        answer = fate == "ok" if action == "cas" else (str(one) if text else one) if action == "get" else None
        made.append(
            Operation(
                client=f"process {number}", action=action, key=key,
                value=None if action == "get" else str(other) if text else other,
                expected=one if action == "cas" else None, outcome=outcome,
                called_us=1000 * number, returned_us=None if outcome == "unknown" else 1000 * number + 1500 * (number % 2) + 1,
                answer=answer if outcome == "ok" else None,
            )
        )  # fmt: skip
    return History(tuple(made))


def meaning(history: History) -> list[Operation]:
    """Return the operations without what some formats do not have: times and names."""
    return [replace(op, client="", called_us=0, returned_us=op.returned_us and 0) for op in history]


@settings(max_examples=100, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(ROWS)
def test_what_is_written_is_read_back(rows: list[tuple[ActionName, int, int, str]]) -> None:
    """What is written in a format is parsed as the same operations, in the same order, with the same outcomes."""
    if rows:
        jepsen = history_of(rows, None, text=False)
        assert meaning(jepsen) == meaning(parse_history(format_history(jepsen, "jepsen")))
    plain = [row for row in rows if row[0] != "cas" or row[3] != "no"]
    if plain:
        knossos = history_of(plain, None, text=False)
        assert knossos == parse_history(format_history(knossos, "knossos"))
    no_cas = [row for row in plain if row[0] != "cas"]
    if no_cas:
        porcupine = history_of(no_cas, "k", text=True)
        assert meaning(porcupine) == meaning(parse_history(format_history(porcupine, "porcupine")))


def test_client_without_an_answer_gets_a_new_process_number() -> None:
    """After an operation without an answer a client continues as another process, as in Jepsen."""
    history = History((Operation.parse("set x 1", "A", 0), Operation.parse("get x", "A", 1, 2, "1")))
    text = format_history(history, "knossos")

    assert "{:process 1, :type :invoke, :f :read" in text
    assert ["set x 1 ?", "get x → 1"] == [op.description for op in parse_history(text)]


@pytest.mark.parametrize(
    "operation, form, complaint",
    [
        (Operation.parse("delete x", "A", 0, 1), "jepsen", "has no delete"),
        (Operation.parse("cas x 1 2", "A", 0, 1), "porcupine", "has no cas"),
        (Operation.parse("cas x 1 2", "A", 0, 1, answer=False), "knossos", "has no cas that answers no"),
        (Operation.parse("set x 1", "A", 0, 1, outcome="failed"), "porcupine", "cannot express that"),
        (Operation.parse("set x 1", "A", 0, 1), "yaml", "there is no format 'yaml'"),
    ],
)
def test_what_a_format_cannot_express_is_refused(operation: Operation, form: str, complaint: str) -> None:
    """Nothing is written that would be parsed as something else."""
    with pytest.raises(HistoryError, match=complaint):
        format_history(History((operation,)), form)


def test_log_of_jepsen_is_about_one_register() -> None:
    """A history with two keys has no form as a Jepsen log."""
    history = History((Operation.parse("set x 1", "A", 0, 1), Operation.parse("set y 1", "A", 2, 3)))

    with pytest.raises(HistoryError, match="more than one key"):
        format_history(history, "jepsen")


def test_read_of_nothing_is_written_as_an_empty_text() -> None:
    """Porcupine's model of a key without a value holds an empty text."""
    text = format_history(History((Operation.parse("get x", "A", 0, 1),)), "porcupine")

    assert ':value ""' in text


def test_blank_lines_and_discarded_forms_are_left_out() -> None:
    """A log may have blank lines, and EDN a form that is commented out with #_."""
    assert ["set 1"] == [
        op.description for op in parse_history(log("0 :invoke :write 1") + "\n" + log("0 :ok :write 1"))
    ]
    assert [2] == [form.value for form in parse_edn("#_ {:a 1} 2")]
