"""The engine of the checks: what it makes of a learner's class, however wrong, and what it shows."""

import json
import os
import random
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

import raft_steps
from raft_steps import step_06_term_checks
from raft_steps.lab.checks import CheckReport, ChecksFailed, check
from raft_steps.lab.errors import LabError, NodeError
from tests.checks.check_tools import failing, first_failure, in_one_line
from tests.checks.wrong_nodes import mistakes, step_06, step_07, step_08

ROOT = Path(__file__).parents[2]

# What the first failure says of each mistake, with the line of the Node's own source where there is one.
SAYS = {
    mistakes.EndlessLoop: (
        "tom's on_append_entries, at 13.2 s, did not come back within a second: an endless loop?",
        "while message.term >= 0:|self.current_term = message.term",
    ),
    mistakes.EndlessRecursion: (
        "tom's on_append_entries, at 13.2 s, raised RecursionError: maximum recursion depth exceeded",
        "self.on_append_entries(sender, message)",
    ),
    mistakes.LoopAtStart: (
        "tom's on_start, at 0 s, did not come back within a second: an endless loop?",
        "while self.random.randint(8, 18):|pass",
    ),
    mistakes.Storm: ("the run took 5000 events and is only at 0.005 s, a storm", ""),
    mistakes.Exceptional: (
        "tom's on_append_entries, at 13.2 s, raised ZeroDivisionError: integer division or modulo by zero",
        "self.current_term = message.term // len(message.entries)",
    ),
    mistakes.NotWrittenYet: ("tom's on_append_entries, at 13.2 s, is not written yet", "raise NotImplementedError"),
    mistakes.WrongType: (
        (
            "tom's on_append_entries, at 13.2 s, sent what it cannot send: "
            "AppendEntriesRefused.term should be int, not '4' (str)"
        ),
        "",
    ),
    mistakes.ForgottenArgument: (
        (
            "tom's on_append_entries, at 13.2 s, raised TypeError: AppendEntriesRefused.__init__() "
            "missing 1 required keyword-only argument: 'term'"
        ),
        "self.send(to, AppendEntriesRefused())",
    ),
    mistakes.ClassIsSent: ("tom's on_append_entries, at 13.2 s, sent what it cannot send: ", ""),
    mistakes.SentToNobody: (
        "tom's on_append_entries, at 13.2 s, sent a message to 'tyke'; the others are jerry, spike",
        "",
    ),
    mistakes.MessageIsChanged: (
        (
            "tom's on_append_entries, at 13.2 s, changed a message or an entry (cannot assign to field 'term'); "
            "both are immutable: build a new one instead"
        ),
        "message.term = self.current_term",
    ),
    mistakes.MessageIsExtended: (
        "tom's on_append_entries, at 13.2 s, changed a message or an entry",
        "message.seen = True",
    ),
    mistakes.EntryIsChanged: (
        "tom's on_append_entries, at 13.2 s, changed a message or an entry (cannot assign to field 'term')",
        "self.log[1].term = message.term",
    ),
    mistakes.LogIsChangedInPlace: (
        (
            "tom's on_append_entries, at 13.2 s, raised LogError: log[1] = … changes an entry in place; "
            "use truncate_after(0) and append"
        ),
        "self.log[1] = self.log[0]",
    ),
    mistakes.LogIsAList: ("tom's on_append_entries, at 13.2 s, put [] where its log was; a log stays a Log", ""),
    mistakes.FieldIsForgotten: (
        (
            "tom's on_append_entries, at 13.2 s, raised AttributeError: "
            "'FieldIsForgotten' object has no attribute 'calls_heard'"
        ),
        "self.calls_heard += 1",
    ),
    mistakes.FieldIsMisspelt: (
        "'FieldIsMisspelt' object has no attribute 'curent_term'; did you mean 'current_term'?",
        "assert self.curent_term >= 0",
    ),
    mistakes.FirstValueIsForgotten: (
        (
            "tom's beginning, at 0 s, found no first value for the field calls_heard; "
            "every field has one, as in calls_heard: int = 0"
        ),
        "",
    ),
    mistakes.MethodIsMissing: (
        "'MethodIsMissing' object has no attribute 'become_folower'; did you mean 'become_follower'?",
        "self.become_folower()",
    ),
    mistakes.TimerHasNoHandler: ("tom has no on_elections_timeout: something reached it at 3 s", ""),
    mistakes.TimerHasNoTime: (
        "tom's on_start, at 0 s, said start_timer('election', 0); a timer needs a number of seconds above 0",
        "",
    ),
    mistakes.SomethingIsReturned: (
        (
            "tom's on_append_entries, at 13.2 s, returned False; "
            "a handler returns nothing, it acts by self.send and the like"
        ),
        "",
    ),
    mistakes.HandlerIsAsync: (
        "tom's on_append_entries, at 13.2 s, is an async def; a handler is a plain def, for a Node never waits",
        "",
    ),
    mistakes.HandlerYields: (
        (
            "tom's on_append_entries, at 13.2 s, has a yield, so nothing in it is done; "
            "a handler acts by self.send and the like"
        ),
        "",
    ),
    mistakes.SenderIsForgotten: (
        (
            "tom's on_append_entries, at 13.2 s, cannot be called as a handler is, (self, sender, message) or (self) alone: "
            "SenderIsForgotten.on_append_entries() takes 2 positional arguments but 3 were given"
        ),
        "",
    ),
    mistakes.AddressIsTold: (
        "tom's on_append_entries, at 13.2 s, raised ValueError: <random.Random object>",
        "raise ValueError(random.Random())",
    ),
    mistakes.ClientIsAnsweredTwice: (
        "tom's on_start, at 0 s, answered None; a client is answered with Ok(…) or NotLeader(…)",
        "",
    ),
    mistakes.MessageIsPlain: ("AppendEntries is a plain class; write @message on the line above it", ""),
    mistakes.MessageHasMore: (
        "AppendEntries wants leader too, but should have term, prev_log_index, prev_log_term, entries alone",
        "",
    ),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("node_class", SAYS, ids=lambda node_class: node_class.__name__)
def test_mistake_is_told_in_the_learners_terms(node_class: type) -> None:
    """A mistake of the trade is told soon, an endless loop too: server, handler, time, what happened, and the line."""
    says, line = SAYS[node_class]
    began = time.perf_counter()

    result = first_failure(node_class, 6)

    assert time.perf_counter() - began < 15, "two seconds, on a machine that does nothing else"
    first, *more = result.message.splitlines()
    assert says in first
    assert (
        re.fullmatch(rf"  mistakes\.py, line \d+: ({'|'.join(map(re.escape, line.split('|')))})( +# .*)?", *more)
        if line
        else not more
    )
    assert "Traceback" not in str(result)


def test_every_mistake_is_told() -> None:
    """No Node of the module is forgotten in the table."""
    right = {mistakes.AnnotationIsForgotten, mistakes.PropertyFails}
    nodes = {
        value for value in vars(mistakes).values() if isinstance(value, type) and issubclass(value, mistakes.Right)
    }

    assert nodes - right - {mistakes.Right} <= set(SAYS)


def test_forgotten_annotation_is_no_mistake() -> None:
    """The message's class is found where the handler was written."""
    assert [] == failing(mistakes.AnnotationIsForgotten, 6)


def test_failing_property_is_the_nodes_fault() -> None:
    """What a look at the Node raises is told with the Node's line."""
    result = first_failure(mistakes.PropertyFails, 6)

    assert "'PropertyFails' object has no attribute 'terms'" in in_one_line(result.message)
    assert "return self.terms[-1]" in result.message


@pytest.mark.usefixtures("impatient")
def test_loop_is_waited_for_once() -> None:
    """After a loop the other checks are not tried, and say so; the next Node is checked as ever."""
    report = check(mistakes.EndlessLoop, 6)

    assert ["FAIL"] + ["--"] * 8 == [result.mark for result in report.results]
    assert "  --    a refused call changes nothing\n        Not tried, because of: an older term is refused." in str(
        report
    )
    assert check(step_06_term_checks.Node, 6).passed


def test_loop_ends_beside_the_main_thread() -> None:
    """Some kernels run cells on another thread, where no signal arrives."""
    reports: list[CheckReport] = []
    thread = threading.Thread(target=lambda: reports.append(check(mistakes.EndlessLoop, 6)))
    thread.start()
    thread.join(10)

    assert "did not come back within a second" in reports[0].results[0].message


def test_one_mistake_is_told_once() -> None:
    """Where one mistake fails many checks, the report explains it once and refers to it."""
    report = str(check(mistakes.NotWrittenYet, 6))

    assert 1 == report.count("is not written yet")
    assert "        The same mistake as in: an older term is refused." in report


def class_statement(body: str) -> str:
    """Define a Node with this body, and give the error that it meets."""
    source = f"class Node(step_06.Node):\n    {body}\n"
    with pytest.raises(TypeError) as caught:
        exec(source, {"step_06": step_06_term_checks, "field": __import__("dataclasses").field})
    return str(caught.value)


@pytest.mark.parametrize(
    "body, error",
    [
        (
            "def __init__(self): pass",
            "Node has an __init__, which a Node may not have: declare fields, and start in on_start",
        ),
        (
            "refused = []",
            (
                "refused = [] would be one list shared by all servers; "
                "write refused: list = field(default_factory=list), with field from dataclasses"
            ),
        ),
        (
            "votes: set = set()",
            (
                "votes = set() would be one set shared by all servers; "
                "write votes: set = field(default_factory=set), with field from dataclasses"
            ),
        ),
        ("refused = field(default_factory=list)", "'refused' is a field but has no type annotation"),
    ],
)
def test_class_that_cannot_be_a_node_says_why_when_it_is_written(body: str, error: str) -> None:
    """Own constructors, shared defaults and fields without a type are errors of the class statement itself."""
    assert error == class_statement(body)


@pytest.mark.parametrize(
    "given, hint",
    [
        (int, "int is a class of its own; build on the step before: class Node(step_NN.Node)"),
        (6, "not 6"),
        (step_06_term_checks, "that is a module; give its Node: check(step_06_term_checks.Node, …)"),
        (
            raft_steps.step(6).Node(name="tom", servers=("tom",), random=None),
            "that is one server's node; give its class",
        ),
    ],
    ids=["a class of its own", "a number", "a module", "a node"],
)
def test_what_is_no_node_class_is_a_clear_error(given: Any, hint: str) -> None:
    """The arguments' order and kind are said, with what to write."""
    with pytest.raises(NodeError) as caught:
        check(given, 6)

    assert str(caught.value).startswith("check takes a Node class first and the step's number second")
    assert hint in str(caught.value)


def test_unknown_step_is_a_clear_error() -> None:
    """A step that does not exist is named, with those that do."""
    with pytest.raises(LookupError, match="there is no step 99; the course has steps 1 to"):
        check(step_06_term_checks.Node, 99)


def test_require_gives_the_report_of_a_right_node() -> None:
    """A cell may end with check(…).require() and show the report."""
    report = check(step_06_term_checks.Node, 6)

    assert report is report.require()


def test_require_shows_the_report_of_a_wrong_node_and_raises(capsys: pytest.CaptureFixture[str]) -> None:
    """A grader sees an error, a reader the whole report."""
    report = check(step_06.RefusalIsSilence, 6)

    with pytest.raises(ChecksFailed) as caught:
        report.require()

    assert "1 of 9 checks fail, the first is: an older term is refused" == str(caught.value)
    assert isinstance(caught.value, LabError)
    assert f"{report}\n" == capsys.readouterr().out


def test_html_says_in_words_what_it_says_in_colours() -> None:
    """Each check is a line that begins with a word, and the first failure has its picture."""
    html = check(step_07.NothingIsCancelled, 7)._repr_mimebundle_()["text/html"]

    words = re.findall(r">(ok|FAIL)</span> ([a-z ]+)<", html)
    assert [("ok" if number != 2 else "FAIL") for number in range(9)] == [word for word, _ in words]
    assert "a deposed leader stops its heartbeats" == words[2][1]
    assert 1 == html.count("<img")
    assert "it should send no heartbeat any more, but at 18.2 s it still does" in html


def test_html_of_a_right_node_has_no_picture() -> None:
    """Where nothing fails, there is nothing to show but the lines."""
    bundle = check(step_06_term_checks.Node, 6)._repr_mimebundle_()

    assert "<img" not in bundle["text/html"]
    assert bundle["text/plain"].startswith("step 6: 9 of 9 checks pass\n  ok    an older term is refused\n")


def test_html_quotes_what_a_learner_wrote() -> None:
    """Source and messages are text, whatever signs they hold."""
    html = check(mistakes.AddressIsTold, 6)._repr_mimebundle_()["text/html"]

    assert "raised ValueError: &lt;random.Random object&gt;" in html


BUNDLES = """
import json
from tests.checks.wrong_nodes import mistakes, step_05, step_06, step_07, step_08
from raft_steps.lab.checks import check
wrong = [(step_05.TermIsNotRead, 5), (step_06.ElseIsForgotten, 6), (mistakes.ClassIsSent, 6), (step_07.Starts, 7),
         (step_08.DrawsByName, 8), (step_08.DrawsFromTheWorld, 8)]
print(json.dumps([check(*each)._repr_mimebundle_() for each in wrong]))
"""


@pytest.mark.slow
def test_report_is_the_same_to_the_byte_in_every_process() -> None:
    """Strict nbval compares what a notebook shows: neither hash seeds nor addresses may be in it."""
    shown = []
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", BUNDLES], env=environment, capture_output=True, text=True, check=True
        )
        shown.append(done.stdout)

    assert shown[0] == shown[1]
    assert not re.search(r"0x[0-9a-f]{6}", json.dumps(json.loads(shown[0])))


def test_report_hangs_on_no_chance_but_its_own() -> None:
    """A Node that draws from Python's random gets the same report each time, and leaves random as it was."""
    shown = []
    for seed in (2219, 3):  # With 2219, unless it is seeded anew, another check fails too.
        random.seed(seed)
        before = random.getstate()
        shown.append(str(check(step_08.DrawsFromTheWorld, 8)))
        assert before == random.getstate()

    assert shown[0] == shown[1]


CELLS = '''
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
shell.run_cell("""
from raft_steps import step_05_term_in_append_entries as step_05
from raft_steps.lab.checks import check
from raft_steps.lab.messages import message
from raft_steps.step_05_term_in_append_entries import AppendEntries
""").raise_error()
shell.run_cell("""
class Node(step_05.Node):
    def on_append_entries(self, sender: str, message: AppendEntries) -> None:
        if message.term < self.current_term:
            self.refuse(sender)
""").raise_error()
shell.run_cell("""
report = check(Node, step=6)
print(report)
""").raise_error()
shell.run_cell("check(Node, step=6).require()")
print("the kernel lives on")
'''


@pytest.mark.slow
def test_cell_of_a_notebook_is_named_with_its_line(tmp_path: Path) -> None:
    """A class written in a cell has no file: the report names the cell's line, and require() shows no traceback."""
    environment = os.environ | {"IPYTHONDIR": str(tmp_path), "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    done = subprocess.run([sys.executable, "-c", CELLS], env=environment, capture_output=True, text=True, check=True)

    assert "raised AttributeError: 'Node' object has no attribute 'refuse'" in in_one_line(done.stdout)
    assert "\n          your cell, line 4: self.refuse(sender)\n" in done.stdout
    assert "ChecksFailed: 9 of 9 checks fail, the first is: an older term is refused" in done.stdout
    assert "Traceback" not in done.stdout
    assert done.stdout.endswith("the kernel lives on\n")


@pytest.mark.parametrize("step", [step.number for step in raft_steps.STEPS])
def test_checks_of_a_step_take_no_time(step: int) -> None:
    """Checking the reference takes less than a quarter of a second of the processor, so that nobody waits for it."""
    node_class = raft_steps.node(step)
    check(node_class, step)

    def seconds() -> float:
        began = time.process_time()
        check(node_class, step)
        return time.process_time() - began

    assert min(seconds() for _ in range(5)) < 0.25
