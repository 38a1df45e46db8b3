"""Describes the mistakes of a Node, so that none of them looks like one of the laboratory.

An exception inside a handler becomes a NodeError that names the server, the handler, and the line of the Node's source.
"""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import difflib
import inspect
import linecache
import re
import textwrap
import tokenize
from collections.abc import Iterator
from pathlib import Path
from traceback import walk_tb
from types import CodeType, FrameType, TracebackType
from typing import NamedTuple

from raft_steps.lab.errors import NodeError
from raft_steps.lab.node import Node
from raft_steps.lab.runtime.code_owner import is_course, is_node_frame, is_saved_cell
from raft_steps.lab.runtime.watchdog import HandlerTimeout

# What a Node has under another name than a learner may expect.
OTHER_WORDS = dict.fromkeys(
    ("followers", "other_servers", "others", "neighbours", "nodes"),
    "self.peers() names the other servers, and self.servers all of them",
) | {"id": "a server's name is self.name", "term": "the term is self.current_term"}
NO_FILE = "<string>"  # the file name of code that exec was given as a string, and of what a dataclass generates
SENDING = ("send", "broadcast")  # the methods of a Node whose last argument is a message


# The two that the grader's worker describes, too, because a Node in another process is not here to be looked at.
CONTAINS_ITSELF = "left something in a field that contains itself, which cannot be recorded"
NONE_WAS_SENT = "sent None, which is not a message; a method without a return statement returns None"


class Mistake(Exception):  # noqa: N818  # It is the Node's mistake, not an error of the laboratory.
    """A handler did, or asked for, something that is not allowed.

    The message continues a sentence that begins with the handler: "tom's on_start, at 3 s, …".

    Attributes:
        place: The line of the Node's source that is to blame, as text, if no traceback leads to it.
    """

    def __init__(self, message: str, place: str | None = None) -> None:
        """Create a mistake with the end of a sentence, and a line."""
        super().__init__(message)
        self.place = place


def returned_something(value: object) -> Mistake:
    """Describe the mistake of a handler that returned something, or that is not a plain function."""
    if inspect.iscoroutine(value):
        value.close()  # Otherwise Python warns later that it was never awaited.
        return Mistake("is an async def; a handler is a plain def, because a Node never waits")
    if inspect.isgenerator(value):
        return Mistake("has a yield, so its body never runs; a handler acts through self.send and the like")
    return Mistake(f"returned {value!r}; a handler returns nothing, it acts through self.send and the like")


def wait_mistake(node: object, timer: str, wait_s: object) -> Mistake:
    """Describe the mistake of a handler that started a timer with something that is not a number of seconds.

    The handler has returned by then, so no traceback has its line. The learner's source is searched for it.
    """
    most = " and below a thousand million" if type(wait_s) in (int, float) and wait_s > 0 else ""  # type: ignore[operator]
    text = f"called start_timer({timer!r}, {wait_s!r}); a timer needs a number of seconds from 0{most}"
    if wait_s is not None:
        is_swapped = isinstance(wait_s, str) and isinstance(timer, int | float)
        return Mistake(text + (f"; the name comes first: start_timer({wait_s!r}, {timer!r})" if is_swapped else ""))
    text += ", and a method without a return statement returns None"
    return Mistake(text, _line_that_made_none(node, timer))


def response_mistake(response: object) -> Mistake:
    """Describe the mistake of a handler that answered a client with something other than a response."""
    text = f"answered {response!r}; a client is answered with Ok(…) or NotLeader(…)"
    if isinstance(response, type):
        text = f"answered {response.__name__}, a class; build a response: {response.__name__}(…)"
    elif response is None:
        text += ", and a method that ends without a return statement returns None"
    return Mistake(text)


def endless_timer_mistake(timer: str, wait_s: object) -> Mistake:
    """Describe the mistake of a timer's handler that starts the timer again for zero seconds."""
    return Mistake(
        f"called start_timer({timer!r}, {wait_s!r}); a timer of 0 seconds runs out at the same moment, so in its own "
        "handler it would run out for ever"
    )


def _line_that_made_none(node: object, timer: str) -> str | None:
    """Return the line that put None into a field which begins as a number, or else the line that starts the timer."""
    fields = [name for name, value in vars(node).items() if value is None and _begins_as_number(node, name)]
    patterns = [rf"self\.{name}\s*=[^=]" for name in fields] + [rf"start_timer\(\s*[\"']{re.escape(timer)}[\"']"]
    lines = list(_own_lines(type(node)))
    found = (line for pattern in patterns for line in lines if re.search(pattern, _source(line)))
    return next(map(_format_line, found), None)


def sends_none(effects: object) -> bool:
    """Return whether a node's effects contain a message that is None."""
    rows = effects if isinstance(effects, list) else []
    return any(type(row) is tuple and len(row) == 3 and row[0] == "send" and row[2] is None for row in rows)


def none_was_sent(node: object) -> Mistake:
    """Describe the mistake of a handler that sent None, mostly because a method forgot to return its message.

    The method has returned by then, so no traceback has its line. The learner's source is searched for it.
    """
    if (
        ask := getattr(node, "_none_was_sent", None)
    ) is not None:  # The Node is in another process, and so is its source.
        return ask()  # type: ignore[no-any-return]
    methods = dict(methods_of(type(node)))
    for name in dict.fromkeys(name for tree, _ in methods.values() for name in _methods_whose_result_is_sent(tree)):
        if name not in methods or is_course(methods[name][1]) or returns_something(methods[name][0]):
            continue
        tree, path = methods[name]
        calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
        if shown := [call for call in calls if _name_of(call.func) in SENDING]:
            why = f"{name} sends its message itself; it should return the message, and its caller sends it"
        elif shown := [call for call in calls if _name_of(call.func)[:1].isupper()]:
            why = f"{name} builds a message and does not return it"
        else:
            why = f"{name} returns nothing, and its caller sends that"
        number = shown[0].lineno if shown else tree.lineno
        return Mistake(f"sent None: {why}", _format_line(_Line(path, number, name)))
    return Mistake(NONE_WAS_SENT)


def methods_of(node_class: type) -> Iterator[tuple[str, tuple[ast.FunctionDef, str]]]:
    """Yield the methods of a class that are not overridden, with syntax tree and file, if their source can be read."""
    names = {name for base in node_class.__mro__ for name in vars(base)}
    for name in sorted(names):
        function = inspect.unwrap(inspect.getattr_static(node_class, name, None))
        # From Python 3.13 on a dataclass has a method of the standard library, __replace__, which says nothing about
        # the Node. Its file must not be read either: a submission's process may open none.
        if not inspect.isfunction(function) or function.__module__ == dataclasses.__name__:
            continue
        code = function.__code__
        if code.co_filename == NO_FILE:
            continue
        lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
        with contextlib.suppress(SyntaxError, IndentationError, tokenize.TokenError):
            tree = ast.parse(textwrap.dedent("".join(inspect.getblock(lines))))
            if tree.body and isinstance(tree.body[0], ast.FunctionDef):
                ast.increment_lineno(tree, code.co_firstlineno - 1)
                yield name, (tree.body[0], code.co_filename)


def _methods_whose_result_is_sent(method: ast.AST) -> Iterator[str]:
    """Yield the names of the methods whose results a method sends."""
    for call in ast.walk(method):
        if isinstance(call, ast.Call) and _name_of(call.func) in SENDING and call.args:
            message = call.args[-1]
            if isinstance(message, ast.Call) and isinstance(message.func, ast.Attribute):
                yield message.func.attr


def returns_something(method: ast.AST) -> bool:
    """Return whether a method has a return statement with a value, or is a generator."""
    return any(
        isinstance(each, ast.Yield | ast.YieldFrom) or (isinstance(each, ast.Return) and each.value is not None)
        for each in ast.walk(method)
    )


def _name_of(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _begins_as_number(node: object, field: str) -> bool:
    return type(getattr(type(node), field, None)) in (int, float)


def _own_lines(node_class: type) -> Iterator[_Line]:
    """Yield the lines of the methods of a class that are the learner's, method by method."""
    functions = (value for base in node_class.__mro__ for value in vars(base).values() if inspect.isfunction(value))
    for code in (function.__code__ for function in functions):
        if code.co_filename != NO_FILE and not is_course(code.co_filename):
            numbers = {number for _, _, number in code.co_lines() if number is not None}
            yield from (_Line(code.co_filename, number, code.co_name) for number in sorted(numbers))


def node_error(error: BaseException, server: str, handler: str, seconds: str | None) -> NodeError | None:
    """Build the error for an exception that a Node's own code raised.

    Args:
        error: The exception: with a line of the Node in its traceback, or one that was raised to describe what the Node
            did, which has the attribute ``place``.
        server: The server's name.
        handler: The handler that was called.
        seconds: The virtual time in seconds, as text; None if there is none.

    Returns:
        The error; None if no code of the Node was running. `mistakes.blame` then looks at what the Node left.
    """
    place = node_line(error.__traceback__) or getattr(error, "place", None)
    if place is None and not hasattr(error, "place") and not _is_in_node_code(error.__traceback__):
        return None
    # Without addresses in memory, which are different in each run.
    when = f", at {seconds} s," if seconds is not None else ""
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", f"{server}'s {handler}{when} {_describe(error)}")
    return NodeError(text + (f"\n{place}" if place else ""), server=server, handler=handler)


def _describe(error: BaseException) -> str:
    """Describe what went wrong, as the end of a sentence that begins with the handler."""
    text = str(error)
    if isinstance(error, HandlerTimeout):
        return error.words
    if isinstance(error, NotImplementedError):
        return "is not written yet" + (f": {text}" if text else "")
    if isinstance(error, Mistake):
        return text
    if isinstance(error, dataclasses.FrozenInstanceError) or text.startswith("super(type, obj)"):
        # The second is the message of Python 3.11 for a new attribute of a frozen class with slots.
        text = text if isinstance(error, dataclasses.FrozenInstanceError) else "cannot set a new field"
        return f"changed a message or an entry ({text}); both are immutable: build a new one instead"
    return f"raised {type(error).__name__}" + (f": {text}" if text else "") + _advice(error, text)


def _advice(error: BaseException, text: str) -> str:
    """Advise what to do about an exception, if Python's message does not explain it to a learner; mostly it does."""
    lines = _node_lines(error.__traceback__)
    if isinstance(error, AttributeError) and " is gone: " in text and lines and _is_inherited(lines[-1]):
        method = lines[-1].method
        return f"; the {method} of an earlier step uses it: write the whole method {method} yourself, without super()"
    if isinstance(error, AttributeError) and error.name is not None:
        if error.name in _arguments(error.__traceback__):
            return f"; {error.name} is an argument of the handler: write {error.name}"
        if isinstance(error.obj, Node) and error.name in OTHER_WORDS:
            return f"; {OTHER_WORDS[error.name]}"
        names = [name for name in dir(error.obj) if not name.startswith("__")]
        if error.name in names:  # It exists, and raised the error itself, as a removed field does: its text says why.
            return ""
        # What is called is a method, and what is not called mostly is none.
        called = bool(lines) and f".{error.name}(" in _source(lines[-1])
        likely = [name for name in names if callable(getattr(type(error.obj), name, None)) == called]
        close = difflib.get_close_matches(error.name, likely, n=1) or difflib.get_close_matches(error.name, names, n=1)
        return f"; did you mean {close[0]!r}?" if close else ""
    asked = re.match(r"Node\.(\w+)\(\) (?:missing|takes|got)", text)
    if isinstance(error, TypeError) and asked and hasattr(Node, asked[1]) and lines:
        takes = [name for name in inspect.signature(getattr(Node, asked[1])).parameters if name != "self"]
        lacks = re.findall(r"'(\w+)'", text.partition("missing")[2])
        if f"self.{asked[1]}(" in _source(lines[-1]) and set(lacks) <= set(takes):
            return f"; the call is self.{asked[1]}({', '.join(takes)})"
    built = re.match(r"(?:[\w.<>]+\.)?(\w+)\.__init__\(\) takes 1 positional argument but", text)
    if isinstance(error, TypeError) and built:
        name = built[1]
        return f"; the fields of a message are named, as in {name}({_first_field(error.__traceback__, name)}=…)"
    return ""


def _arguments(trace: TracebackType | None) -> tuple[str, ...]:
    """Return the names of the arguments of the innermost function of a Node in a traceback, without ``self``."""
    frames = [frame for frame, _ in walk_tb(trace) if is_node_frame(frame) and not _is_generated(frame)]
    code = frames[-1].f_code if frames else None
    return code.co_varnames[1 : code.co_argcount] if code is not None else ()


def _first_field(trace: TracebackType | None, name: str) -> str:
    """Return the first field of a class, found by its name in the innermost frame of a traceback."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    names = {} if trace is None else {**trace.tb_frame.f_globals, **trace.tb_frame.f_locals}
    return next(iter(getattr(names.get(name), "__dataclass_fields__", ())), "field")


class _Line(NamedTuple):
    """A line of a Node's source: the file, the number, the method that it belongs to, and whose method that is.

    The class is that of the node which runs, or one of its bases; None if the line is in none of their methods.
    """

    path: str
    number: int
    method: str
    owner: type | None = None
    is_own: bool = False  # whether the owner is the class of the node itself, the one that is checked


def node_line(trace: TracebackType | None) -> str | None:
    """Return the innermost line of a traceback that belongs to a Node, not to the laboratory or to Python, as text.

    The innermost line in the class of the node itself comes first, because its bases are steps, or given in a notebook. If
    that class has none in the traceback, the innermost line that is not a step's comes first.
    """
    lines = _node_lines(trace)
    if not lines:
        return None
    not_inherited = (line for line in reversed(lines) if not _is_inherited(line))
    own = next((line for line in reversed(lines) if line.is_own), None) or next(not_inherited, lines[-1])
    return _format_line(own) + ("" if own is lines[-1] else f", which led to\n{_format_line(lines[-1])}")


def _node_lines(trace: TracebackType | None) -> list[_Line]:
    """Return the lines of a traceback that belong to a Node, the innermost last."""
    frames = [(frame, number) for frame, number in walk_tb(trace) if is_node_frame(frame) and not _is_generated(frame)]
    first = (frame.f_locals.get("self") for frame, _ in frames)
    checked = next((type(each) for each in first if isinstance(each, Node)), object)
    owners = {code: base for base in reversed(checked.__mro__) for code in _codes_of(base)}
    return [
        _Line(code.co_filename, number, code.co_name, owners.get(code), owners.get(code) is checked)
        for code, number in ((frame.f_code, number) for frame, number in frames)
    ]


def _codes_of(node_class: type) -> Iterator[CodeType]:
    """Yield the code of each function that is defined in the body of a class."""
    for value in vars(node_class).values():
        function = inspect.unwrap(getattr(value, "__func__", getattr(value, "fget", value)))
        if inspect.isfunction(function):
            yield function.__code__


def _is_in_node_code(trace: TracebackType | None) -> bool:
    """Return whether a traceback leads through code of a Node, be it code that a dataclass has generated for it."""
    return any(is_node_frame(frame) for frame, _ in walk_tb(trace))


def _is_generated(frame: FrameType) -> bool:
    """Return whether a frame runs a method that a dataclass has generated: it has no line that anyone has written."""
    code = frame.f_code
    return code.co_filename == NO_FILE and code.co_qualname.startswith("__create_fn__")


def _is_inherited(line: _Line) -> bool:
    """Return whether a line is in one of the steps."""
    return is_course(line.path)


def _format_line(line: _Line) -> str:
    # Not the file name of a notebook's cell: the kernel puts a number into it that is different in each run.
    if line.path == NO_FILE:
        return f"  code made by exec, line {line.number}"
    # A notebook gives some classes in cells of their own, which the learner has not written.
    cell = f"the cell of {line.owner.__name__}" if line.owner is not None and not line.is_own else "your cell"
    place = f"{cell if _is_cell(line.path) else Path(line.path).name}, line"
    source = _source(line)
    return f"  {place} {line.number}: {source}" if source else f"  {place} {line.number}"


def _source(line: _Line) -> str:
    # From Python 3.13 on, linecache has the text of `python -c` under the name of code that has no file.
    return "" if line.path == NO_FILE else linecache.getline(line.path, line.number).strip()


def _is_cell(path: str) -> bool:
    """Return whether a file name is that of a cell in a running notebook, which has no name that is the same next time."""
    if is_saved_cell(path):
        return False
    cached = linecache.cache.get(path)
    # A debugger may have written the cell to a file, but IPython caches a cell without a modification time.
    return not Path(path).is_file() or (cached is not None and len(cached) > 1 and cached[1] is None)
