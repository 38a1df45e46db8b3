"""What Jepsen prints: logs of all generations, history.txt, history.edn, and histories of many keys."""

from __future__ import annotations

import pytest

from raft_steps.lab.errors import HistoryError
from raft_steps.lab.verify.linearizability import History, check_linearizable, parse_history

ROWS = ("0\t:invoke\t:write\t1", "0\t:ok\t:write\t1", "1\t:invoke\t:read\tnil", "1\t:ok\t:read\t1")
HEADS = {
    "log4j": "INFO  jepsen.util - ",
    "console": "INFO [2017-03-30 15:28:17,423] jepsen worker 0 - jepsen.util ",
    "console with tabs": "INFO\t[jepsen worker 0] jepsen.util: ",
    "jepsen.log": "2021-02-26 23:39:01,300{GMT}\tINFO\t[jepsen worker 0] jepsen.util: ",
    "jepsen.log, newest": "2026-07-30 19:47:45,001{GMT}\tINFO\t[jepsen worker nemesis] jepsen.print: ",
    "history.txt": "",
}
OTHER = {
    "log4j": "INFO  jepsen.core - Worker 2 starting",
    "console": "INFO [2017-03-30 15:28:17,000] main - jepsen.core {:valid? true,\n :configs\n ({:last-op {:process 1}})}",
    "jepsen.log": (
        "2021-02-26 23:39:01,000{GMT}\tINFO\t[jepsen test runner] jepsen.util: Relative time begins now\n"
        "2021-02-26 23:39:02,000{GMT}\tWARN\t[jepsen worker 1] jepsen.generator.interpreter: Process 1 crashed\n"
        "java.lang.RuntimeException: no\n\tat clojure.core$fn.invoke(core.clj:1)\n\nEverything looks good!"
    ),
}


def descriptions(text: str) -> list[str]:
    """Return the operations of a text in words."""
    return [op.description for op in parse_history(text)]


def edn(*rows: str) -> str:
    """Return maps from rows of process, type, function and value."""
    words = [row.split(" ", 3) for row in rows]
    return "\n".join(f"{{:process {p}, :type :{kind}, :f :{f}, :value {value}}}" for p, kind, f, value in words)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_every_generation_is_read(name: str, newline: str, mark: str) -> None:
    """The same operations are read from each, with any line ends, and with a byte order mark."""
    assert ["set 1", "get → 1"] == descriptions(mark + "".join(HEADS[name] + row + newline for row in ROWS))


@pytest.mark.parametrize("name", OTHER)
def test_entries_of_other_loggers_are_no_operations(name: str) -> None:
    """What other loggers write, over several lines too, is left out, before and between operations."""
    rows = [HEADS[name] + row for row in ROWS]

    assert ["set 1", "get → 1"] == descriptions("\n".join([OTHER[name], *rows[:3], OTHER[name], rows[3], ""]))


def test_columns_may_be_separated_by_spaces() -> None:
    """Copied from a page, columns are separated by spaces."""
    assert ["set 1", "get → 1"] == descriptions("\n".join(row.replace("\t", "   ") for row in ROWS))


def test_errors_after_a_value() -> None:
    """An operation may end with an error in any notation, over several lines, and the nemesis has any value."""
    text = (
        ':nemesis\t:info\t:start\t[:isolated {"n1" #{}}]\n0\t:invoke\t:cas\t[1 2]\n0\t:fail\t:cas\t[1 2]\t[:txn "no\n'
        "such key]\n1\t:invoke\t:write\t3\n1\t:info\t:write\t:timed-out}\n2\t:invoke\t:read\tnil\n2\t:ok\t:read\tnil\t:slow"
    )

    assert ["cas 1 2 failed", "set 3 ?", "get → nothing"] == descriptions(text)
    assert ["nemesis start"] == [mark.text for mark in parse_history(text).marks]


def test_failed_cas_is_an_answer_in_logs_of_the_first_generation_only() -> None:
    """There it found another value, unless it has an error; in later ones, as in Knossos, it did not happen."""
    rows = ("0\t:invoke\t:cas\t[1 2]", "0\t:fail\t:cas\t[1 2]")

    assert ["cas 1 2 → no"] == descriptions("\n".join(HEADS["log4j"] + row for row in rows))
    assert ["cas 1 2 failed"] == descriptions("\n".join(HEADS["log4j"] + row for row in (rows[0], rows[1] + "\t:no")))
    assert ["cas 1 2 failed"] == descriptions("\n".join(HEADS["jepsen.log"] + row for row in rows))
    assert ["cas 1 2 failed"] == descriptions("\n".join(rows))


@pytest.mark.parametrize("process", ['"alice"', ":alice", "alice", "7", '":x"', '""'])
def test_processes_have_names_of_any_kind(process: str) -> None:
    """A client may be a number, a keyword, a text or a symbol, and a violation of it is found."""
    good = edn(
        f"{process} invoke write 1", f"{process} ok write 1", f"{process} invoke read nil", f"{process} ok read 1"
    )

    assert ("ok", 2) == (check_linearizable(parse_history(good)).verdict, len(parse_history(good)))
    assert (
        "violated"
        == check_linearizable(parse_history(good.replace("ok, :f :read, :value 1", "ok, :f :read, :value 2"))).verdict
    )


def test_processes_of_different_kinds_are_different() -> None:
    """The processes 1, "1" and :1 each have an operation of their own, and names of their own."""
    history = parse_history(edn("1 invoke write 1", '"1" invoke write 2', ":1 invoke write 3", '":1" invoke write 4'))

    assert ["process 1", "1", ":1", '":1"'] == [op.client for op in history]


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("INFO  jepsen.core - Worker 2 starting\n", "the text has no operation of a client"),
        ("0\t:info\t:start\tnil", "line 1: info for process 0, which has no open operation"),
        (":nemesis\t:info\t:start\tnil", "the text has no operation of a client, only 1 event of the nemesis"),
        ("{:process :nemesis, :type :info, :f :start}", "no operation of a client, only 1 event of the nemesis"),
        ('{:process "nemesis", :type :info, :f :start}', "no operation of a client, only 1 event of the nemesis"),
        ("[]", "the text has no operation of a client"),
        ("; nothing", "the text has no operation of a client"),
        ("#_ {:process 0 :type :invoke :f :read}", "the text has no operation of a client"),
        ("{:process 0.0 :type :invoke :f :read}", "line 1: :process is a whole number, a keyword or a text, not 0.0"),
        ("{:process true :type :invoke :f :read}", "line 1: :process is a whole number"),
        ("{:process nil :type :invoke :f :read}", "line 1: :process is a whole number"),
        ("{:process [1] :type :invoke :f :read}", "line 1: :process is a whole number"),
        ("{:process :nemesis :type :invoke :f :read}", "line 1: the nemesis, which does harm to the servers, has invoke"),
        ("{:process 0 :type :invoke :f :write}", "line 1: process 0 invokes write without a value"),
        ("{:process 0 :type :invoke :f :read}{:process 0 :type :ok :f :read}", "line 1: this ok has no value"),
        (edn("0 invoke write 1", "0 ok write 2"), "line 2: process 0 completes with 2, and was invoked on line 1 with 1"),
        (edn("0 invoke cas [1 2]", "0 ok cas false"), "line 2: process 0 completes with false"),
        (edn("0 invoke append 1"), "line 1: an append adds a text, not 1"),
        (edn("0 invoke write 1 :time -2"), "line 1: :time is a whole number of nanoseconds, not -2"),
        (edn("0 invoke write 1 :time " + "9" * 30), "line 1: :time is a whole number of nanoseconds"),
        (edn("0 invoke txn [[:r 1 nil]]"), "line 1: 'txn' is none of read, get"),
        ('{:process 0 :type :invoke :f :read :key "x"}\n' + edn("1 invoke read nil"), "line 2: this map has no :key"),
        (edn("0 invoke read [7 nil]", "1 invoke read nil"), "line 2: nil is a value without a key"),
        (edn("0 invoke read [7 nil]", "0 ok read 3"), "line 2: 3 is a value without a key"),
        (edn("0 invoke read [7 nil]", "0 ok read [8 3]"), "line 2: process 0 completes another operation"),
        (edn("0 invoke write [7 1]", "1 invoke cas [[1 2] [3 4]]"), "line 1: [7 1] may be a value, or a key and a value"),
        (HEADS["jepsen.log"] + "0\t:invoke\t:read\tnil\n0 :ok :read 1", "line 2: '0 :ok :read 1' is not a line of a log"),
        (HEADS["console"] + "0\t:invoke", "line 1: '0\\t:invoke' is not PROCESS :TYPE :FUNCTION VALUE"),
        (OTHER["jepsen.log"] + "\n0\t:ok\t:read\t1", "line 7: "),
        (ROWS[0] + "\nwhat is this", "line 2: 'what is this' is not PROCESS :TYPE"),
        (ROWS[0] + "\n0\t:ok", "line 2: '0\\t:ok' is not PROCESS :TYPE"),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(text: str, complaint: str) -> None:
    """Nothing is skipped: what is not an operation, or not complete, is an error with its line."""
    with pytest.raises(HistoryError) as refused:
        parse_history(text)

    assert complaint in str(refused.value)


KEYED = (
    "0 invoke write [7 1]", "0 ok write [7 1]", "1 invoke read [8 nil]", "1 ok read [8 nil]",
    "0 invoke cas [7 [1 2]]", "0 ok cas [7 [1 2]]", "1 invoke read [7 nil]", "1 ok read [7 2]",
)  # fmt: skip


def test_history_of_many_keys_is_split() -> None:
    """Each key of jepsen.independent is a register of its own, in EDN and in logs."""
    log = "\n".join(HEADS["jepsen.log"] + "{}\t:{}\t:{}\t{}".format(*row.split(" ", 3)) for row in KEYED)

    for text in (edn(*KEYED), log):
        result = check_linearizable(parse_history(text), "register")
        assert ["set 7 1", "get 8 → nothing", "cas 7 1 2", "get 7 → 2"] == descriptions(text)
        assert str(result).startswith("linearizable: 4 operations, by key 7: 3, 8: 1, explained by this order:")
        assert [[7, 3], [8, 1]] == result.as_data()["by_key"]
    assert "violated" == check_linearizable(parse_history(edn(*KEYED[:-1], "1 ok read [7 1]"))).verdict


def test_values_that_are_pairs_are_not_keys() -> None:
    """If reads are invoked with nil, a vector of two is a value; without any read, writes of pairs prove nothing."""
    assert ["set [7 1]", "get → [7 1]"] == descriptions(
        edn("0 invoke write [7 1]", "0 ok write [7 1]", "1 invoke read nil", "1 ok read [7 1]")
    )
    assert ["set [7 1] ?"] == descriptions(edn("0 invoke write [7 1]"))


@pytest.mark.parametrize("error", ["[:timed-out nil]", ":timed-out", "nil", "[7 1]"])
def test_a_failure_of_a_key_may_have_any_value(error: str) -> None:
    """The key of a fail or an info is that of its invocation."""
    assert ["get 7 failed", "set 7 1 ?"] == descriptions(
        edn("0 invoke read [7 nil]", f"0 fail read {error}", "1 invoke write [7 1]", f"1 info write {error}")
    )


@pytest.mark.parametrize(
    "write, read, verdict",
    [
        ("1", "1.0", "violated"), ("1", "true", "violated"), ('"a"', ":a", "violated"), ('"1"', "1", "violated"),
        ("#{1 2}", "#{2 1}", "ok"), ("[1 2]", "(1 2)", "ok"), ("{:a 1 :b 2}", "{:b 2 :a 1}", "ok"), ("1", "1N", "ok"),
        ("9" * 5000, "9" * 5000, "ok"), ("9" * 5000, "9" * 4999 + "8", "violated"), ('#inst "2020"', '#inst "2020-01"', "ok"),
    ],
)  # fmt: skip
def test_equality_is_that_of_edn(write: str, read: str, verdict: str) -> None:
    """A read is explained by a write of an equal value, and by no other."""
    text = edn(f"0 invoke write {write}", f"0 ok write {write}", "1 invoke read nil", f"1 ok read {read}")

    assert verdict == check_linearizable(parse_history(text)).verdict
    assert verdict == check_linearizable(parse_history(text), "register").as_data()["verdict"]


def test_records_are_maps_of_operations() -> None:
    """Jepsen may print an operation as a record, in a vector, a list, or one a line; without a time it has -1."""
    text = "#jepsen.history.Op{:index 0, :time -1, :type :invoke, :process 0, :f :write, :value 1}"

    for whole in (text, f"[{text}]", f"({text})", f"^:meta [{text}]"):
        assert (["set 1 ?"], False) == (descriptions(whole), parse_history(whole).timed)
    with pytest.raises(HistoryError, match="is not a map"):
        parse_history(text.replace("jepsen.history.Op", "other"))


def test_lines_are_counted_as_editors_count_them() -> None:
    """A text may have other separators of lines in it, which are part of a value."""
    history: History = parse_history(edn('0 invoke write "a\u2028b\x85c"', '0 ok write "a\u2028b\x85c"'))

    assert "a\u2028b\x85c" == history.operations[0].value
    assert ["set 'a\u2028b'"] == descriptions('0\t:invoke\t:write\t"a\u2028b"\n0\t:ok\t:write\t"a\u2028b"')


def test_value_of_a_failed_write_is_named() -> None:
    """The explanation says that the write failed; of a value that only looks written, that it is another."""
    failed = edn("0 invoke write 3", "0 fail write 3", "1 invoke read nil", "1 ok read 3")
    alike = edn("0 invoke write 3", "0 ok write 3", "1 invoke read nil", '1 ok read "3"')
    never = edn("0 invoke write 3", "0 ok write 3", "1 invoke read nil", "1 ok read 4")

    explanations = [str(check_linearizable(parse_history(text))).splitlines()[-1] for text in (failed, alike, never)]
    assert [
        "get by process 1 returned 3, whose write failed: set 3 by process 0",
        'get by process 1 returned 3, which no client wrote: "3" is not 3',
        "get by process 1 returned 4, which no client wrote",
    ] == explanations


def test_ok_says_what_it_judged() -> None:
    """The verdict counts the operations, the answered ones among them, and those of each key."""

    def head(text: str) -> str:
        return str(check_linearizable(parse_history(text))).splitlines()[0]

    assert (
        "linearizable: 1 operation, none of which was answered, so that nothing could be wrong, explained by this order:"
        == head(edn("0 invoke write 1"))
    )
    assert "linearizable: 2 operations, 1 of them answered, explained by this order:" == head(
        edn("0 invoke write 1", "0 ok write 1", "1 invoke read nil")
    )
