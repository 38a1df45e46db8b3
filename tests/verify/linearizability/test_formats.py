"""Histories as text: what Jepsen, Porcupine and Knossos write is read and written, and mistakes are named by their line."""

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
from raft_steps.lab.verify.linearizability.edn import EdnMap, Keyword, read_edn

DATA = Path(__file__).parent / "data"
MODELS = {".log": "register", ".edn": "register", ".txt": "kv"}
FILES = sorted(path for path in DATA.iterdir() if path.suffix in MODELS)


def log(*rows: str) -> str:
    """Write the lines of a Jepsen log; a blank stands for a tabulator."""
    return "".join(f"INFO  jepsen.util - {row.replace(' ', chr(9), 3)}\n" for row in rows)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_samples_have_their_verdicts(path: Path) -> None:
    """The sample of each form that ends in _ok is linearizable, and the one that ends in _bad is not."""
    expected = "ok" if path.stem.endswith("_ok") else "violated"

    assert expected == check_linearizable(read_history(path), MODELS[path.suffix]).verdict


def test_there_are_samples_of_every_form() -> None:
    """Each of the three forms has a good and a bad sample."""
    assert 6 == len(FILES)


def test_log_of_jepsen_is_read() -> None:
    """A refused cas is an answer, a read that timed out failed, a write that timed out may have happened."""
    history = read_history(DATA / "register_ok.log")

    assert ["get → nothing", "set 3 ?", "cas 3 4", "cas 3 1 → no", "get failed", "get → 4"] == [
        op.told for op in history
    ]
    assert not history.timed
    assert ["nemesis start"] == [mark.text for mark in history.marks]


def test_log_of_porcupine_is_read() -> None:
    """In a kv log a key that is not there reads the empty text, and values keep their quotation marks."""
    history = read_history(DATA / "kv_ok.txt")

    assert "" == history.missing
    assert ["", "one two", 'x "y"'] == [op.answer for op in history if op.action == "get"]


def test_edn_of_knossos_is_read() -> None:
    """Times are nanoseconds; comments, discarded forms and tags are no obstacle; a failed cas says nothing."""
    history = read_history(DATA / "knossos_ok.edn")

    assert ["set 1 ?", "get → 1", "cas 1 2 failed", "get → 1"] == [op.told for op in history]
    assert (1_000_000, None) == (history.operations[0].called, history.operations[0].returned)
    assert (1_200_000, 1_500_000) == (history.operations[1].called, history.operations[1].returned)
    assert [(1_300_000, "nemesis start-partition")] == [(mark.time, mark.text) for mark in history.marks]
    assert history.timed


def test_failed_write_did_not_happen() -> None:
    """A value that only a failed write wrote cannot be read, whatever the form."""
    edn = (
        "{:process 0 :type :invoke :f :write :value 3}{:process 0 :type :fail :f :write :value 3}"
        "{:process 1 :type :invoke :f :read :value nil}{:process 1 :type :ok :f :read :value 3}"
    )

    assert "violated" == check_linearizable(parse_history(edn)).verdict
    assert "ok" == check_linearizable(parse_history(edn.replace(":fail", ":info"))).verdict


def test_saved_trace_is_read() -> None:
    """A trace of the laboratory is a history, too."""
    cluster = Cluster(3)
    cluster.set("x", 1)
    cluster.get("x")

    assert cluster.history() == parse_history(cluster.trace.to_text())


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("", "there is no history: the text is empty"),
        (log("0 :invoke :read nil") + "what is this\n", "line 2: 'what is this' is no line of a log"),
        (log("0 :invoke"), "line 1: "),
        (log("0 :invoke :read nil", "0 :ok :read 1 2"), "line 2: '1 2' is more than one value"),
        (log("0 :invoke :read nil", "0 :ok :read [1"), "line 2: the text ends where"),
        (log("0 :invoke :read nil", "0 :invoke :read nil"), "line 2: process 0 asks again before it heard"),
        (log("0 :ok :read 1"), "line 1: process 0 hears ok, but it asked nothing"),
        (log("0 :invoke :read nil", "0 :ok :write 1"), "line 2: process 0 asked something else on line 1"),
        (log("0 :invoke :write 1", "0 :info :write :x", "0 :invoke :read nil"), "line 3: process 0 asks again after"),
        (log("0 :invoke :cas 3"), "line 1: a cas has two values"),
        (log("0 :invoke :fly 3"), "line 1: 'fly' is none of read, get"),
        (log("0 :begin :read nil"), "line 1: :type is :invoke, :ok, :fail or :info, not 'begin'"),
        ("{:process 0}", "line 1: this map has no :type"),
        ("\n\n{:process 0 :type :go :f :read}", "line 3: :type is :invoke"),
        ("{:process 0 :type :invoke :f :read :time 1.5}", "line 1: :time is a whole number of nanoseconds"),
        ("{:process 0 :type :invoke :f :write :value {:a 1}}", "line 1: a map stands where"),
        ("{:process 0 :type :invoke :f :write :value [{}]}", "line 1: a map stands where"),
        ("{:process 0 :type}", "line 1: a map needs a value for each key"),
        ("[{:process 0\n :type :invoke", "line 2: the text ends where '}' of the '{' on line 1"),
        ("[{:process 0 :type :invoke)", "line 1: ')' closes the '{' on line 1; it should be '}'"),
        ("}", "line 1: '}' stands where a form should begin"),
        ("{:a \\b}", "line 1: '\\\\b}' is no EDN that this reader knows"),
        ("[" * 60, "line 1: more than 50 forms"),
        ("\nimport this", "line 2: a history is made of maps"),
        ('{"version": 1}', "this is not a trace"),
    ],
)  # fmt: skip
def test_mistakes_are_named(text: str, complaint: str) -> None:
    """A file that is none is refused with a sentence that names the line."""
    with pytest.raises(HistoryError) as refused:
        parse_history(text)

    assert str(refused.value).startswith(complaint)


def test_binary_file_is_refused(tmp_path: Path) -> None:
    """A file whose bytes are not text is refused with its name."""
    path = tmp_path / "history.edn"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(HistoryError, match="is not a text file"):
        read_history(path)


def test_edn_values() -> None:
    """Every kind of value that a history uses is read as what it is."""
    forms = [
        form.value
        for form in read_edn(r'nil true -3 2.5 1e3 7N 1.0M "a\"b\n" :k/w sym (1 2) [] #{3} #inst "2020" ,{:a 1}')
    ]

    assert [None, True, -3, 2.5, 1000.0, 7, 1.0, 'a"b\n', Keyword("k/w"), "sym", (1, 2), (), (3,), "2020"] == forms[:-1]
    assert {"a": 1} == forms[-1]
    assert isinstance(forms[-1], EdnMap)


# Writing.

NUMBERS = st.integers(0, 9)
ROWS = st.lists(
    st.tuples(st.sampled_from(["set", "get", "cas"]), NUMBERS, NUMBERS, st.sampled_from(["ok", "unknown", "no"]))
)


def history_of(rows: list[tuple[str, int, int, str]], key: str | None, *, text: bool) -> History:
    """Make a history in which one client after another asks; every second answer comes late."""
    made = []
    for number, (action, one, other, fate) in enumerate(rows):
        outcome = "unknown" if fate == "unknown" else "ok"
        answer = fate == "ok" if action == "cas" else (str(one) if text else one) if action == "get" else None
        made.append(
            Operation(
                client=f"process {number}", action=action, key=key,
                value=None if action == "get" else str(other) if text else other,
                expected=one if action == "cas" else None, outcome=outcome,
                called=1000 * number, returned=None if outcome == "unknown" else 1000 * number + 1500 * (number % 2) + 1,
                answer=answer if outcome == "ok" else None,
            )
        )  # fmt: skip
    return History(tuple(made))


def meaning(history: History) -> list[Operation]:
    """Give a history without what a form cannot hold: times and names."""
    return [replace(op, client="", called=0, returned=op.returned and 0) for op in history]


@settings(max_examples=100, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(ROWS)
def test_what_is_written_is_read_back(rows: list[tuple[str, int, int, str]]) -> None:
    """Every form gives back the operations, their order and what came of them."""
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


def test_client_that_never_hears_gets_a_new_number() -> None:
    """Whoever was not answered asks on as another process, as in Jepsen, so that the text can be read back."""
    history = History((Operation.parse("set x 1", "A", 0), Operation.parse("get x", "A", 1, 2, "1")))
    text = format_history(history, "knossos")

    assert "{:process 1, :type :invoke, :f :read" in text
    assert ["set x 1 ?", "get x → 1"] == [op.told for op in parse_history(text)]


@pytest.mark.parametrize(
    "operation, form, complaint",
    [
        (Operation.parse("delete x", "A", 0, 1), "jepsen", "has no word for delete"),
        (Operation.parse("cas x 1 2", "A", 0, 1), "porcupine", "has no word for cas"),
        (Operation.parse("cas x 1 2", "A", 0, 1, answer=False), "knossos", "no word for a cas that answers no"),
        (Operation.parse("set x 1", "A", 0, 1, outcome="failed"), "porcupine", "has no word for that"),
        (Operation.parse("set x 1", "A", 0, 1), "yaml", "there is no form 'yaml'"),
    ],
)
def test_what_a_form_cannot_say_is_refused(operation: Operation, form: str, complaint: str) -> None:
    """Nothing is written that would be read back as something else."""
    with pytest.raises(HistoryError, match=complaint):
        format_history(History((operation,)), form)
