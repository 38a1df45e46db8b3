"""Slips of the pen in a Node's source: lines that are valid Python, and do not do what they seem to.

They are looked for only if a check fails, because most of them are harmless in a Node that passes. The message of a
failed check states what did not happen; a slip is often the reason.
"""

from __future__ import annotations

import ast
import difflib
import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from raft_steps.lab.node import Node
from raft_steps.lab.runtime.code_owner import is_course
from raft_steps.lab.runtime.diagnostics import methods_of, returns_something

SENDERS = frozenset({"send", "broadcast", "reply"})
RESPONSES = frozenset({"Ok", "NotLeader"})
TAKE_FUNCTIONS = frozenset({"filter", "map", "max", "min", "partial", "reduce", "sorted"})
HEARD = frozenset({"on_start", "on_client_request"})  # the handlers that every driver calls


@dataclass(frozen=True, slots=True)
class WrittenMethod:
    """A method of a class: its name, its syntax tree, and the file that it is in."""

    name: str
    tree: ast.FunctionDef
    path: str

    def line(self, node: ast.AST) -> str:
        """Return the source of a line of the method."""
        return linecache.getline(self.path, getattr(node, "lineno", self.tree.lineno)).strip()


@dataclass(frozen=True, slots=True)
class ClassFacts:
    """What is known of a Node class when one of its methods is looked at.

    Attributes:
        node_class: The class.
        methods: All of its methods whose source can be read, by name, the steps' included.
        fields: The names of its fields.
        timers: The timers that some method starts under a name in quotation marks.
        messages: The classes of messages that its methods can name.
    """

    node_class: type
    methods: dict[str, WrittenMethod]
    fields: frozenset[str]
    timers: frozenset[str]
    messages: dict[str, type]

    def is_method(self, name: str) -> bool:
        """Return whether this is a method, and neither a field nor a property."""
        return callable(getattr(self.node_class, name, None)) and name not in self.fields

    @property
    def handlers(self) -> set[str]:
        """The names of the handlers that an event can call."""
        names = {f"on_{re.sub(r'(?<!^)(?=[A-Z])', '_', name).lower()}" for name in self.messages}
        return names | HEARD | {f"on_{name}_timeout" for name in self.timers}


def find_slips(node_class: type) -> list[str]:
    """Return the slips in the methods that a learner wrote, as sentences, each with its line.

    Args:
        node_class: The Node class. Its bases that are not steps of the course are looked at, too.
    """
    if (found_elsewhere := getattr(node_class, "_slips", None)) is not None:  # The source is in another process.
        return list(found_elsewhere())
    written = {name: WrittenMethod(name, tree, path) for name, (tree, path) in methods_of(node_class)}
    facts = ClassFacts(
        node_class,
        written,
        frozenset(each.name for each in fields(node_class)) if is_dataclass(node_class) else frozenset(),
        frozenset(timer for method in written.values() for _, timer in _started_timers(method.tree)),
        _messages(node_class),
    )
    own = sorted((each for each in written.values() if not is_course(each.path)), key=lambda each: each.tree.lineno)
    found = [f"{words}\n  {method.line(node)}" for method in own for node, words in _slips_of(method, facts)]
    return list(dict.fromkeys(found))


def _slips_of(method: WrittenMethod, facts: ClassFacts) -> Iterator[tuple[ast.AST, str]]:
    """Yield the slips in a method, each with the node of its line, in the order of the lines."""
    looked_for = (_statements, _uncalled, _swapped, _falls_through, _returned, _assignments, _timers, _unheard)
    found = [slip for look in looked_for for slip in look(method, facts)]
    yield from sorted(found, key=lambda slip: getattr(slip[0], "lineno", 0))


def _statements(method: WrittenMethod, facts: ClassFacts) -> Iterator[tuple[ast.AST, str]]:
    """Yield expressions that stand alone and do nothing."""
    for statement in ast.walk(method.tree):
        if isinstance(statement, ast.Expr) and (words := _idle(statement.value, method, facts)):
            yield statement, words


def _idle(value: ast.expr, method: WrittenMethod, facts: ClassFacts) -> str:
    """Return why an expression that is a statement does nothing; "" if it may do something."""
    if isinstance(value, ast.Compare):
        equals = isinstance(value.ops[0], ast.Eq)
        return f"{method.name} compares, and nothing uses the result" + (
            "; to assign, write a single =" if equals else ""
        )
    if not isinstance(value, ast.Call):
        return ""
    name = _own_attribute(value.func)
    if name in facts.methods and returns_something(facts.methods[name].tree):
        return f"{method.name} calls {name}(…), and does nothing with what it returns"
    called = value.func.id if isinstance(value.func, ast.Name) else ""
    if called in facts.messages:
        return f"{method.name} builds {called}(…) and does nothing with it{_use_of(called)}"
    if called == "print" and not _calls(method.tree) & SENDERS:
        return (
            f"{method.name} prints, which no other server sees; a Node acts by self.send, self.broadcast or self.reply"
        )
    return ""


def _uncalled(method: WrittenMethod, facts: ClassFacts) -> Iterator[tuple[ast.AST, str]]:
    """Yield methods that are named and not called, except where a function is wanted."""
    wanted: set[int] = set()
    for call in ast.walk(method.tree):
        if isinstance(call, ast.Call):
            wanted |= {id(call.func), *(id(each.value) for each in call.keywords)}
            if isinstance(call.func, ast.Name) and call.func.id in TAKE_FUNCTIONS:
                wanted |= {id(each) for each in call.args}
    for each in ast.walk(method.tree):
        name = _own_attribute(each)
        is_read = isinstance(getattr(each, "ctx", None), ast.Load)
        if name and is_read and id(each) not in wanted and facts.is_method(name):
            yield each, f"{method.name} names {name} and does not call it; a call has brackets: self.{name}(…)"


def _swapped(method: WrittenMethod, facts: ClassFacts) -> Iterator[tuple[ast.AST, str]]:
    """Yield calls of the Node's own methods with two arguments in each other's places, as their names tell."""
    for call in ast.walk(method.tree):
        called = _own_attribute(call.func) if isinstance(call, ast.Call) else ""
        if not isinstance(call, ast.Call) or called not in facts.methods:
            continue
        wanted = [each.arg for each in facts.methods[called].tree.args.args[1:]]
        given = [getattr(each, "attr", getattr(each, "id", "")) for each in call.args]
        moved = [
            name for name, place in zip(given, wanted, strict=False)
            if name != place and name in wanted and place in given
        ]  # fmt: skip
        if moved:
            names, order = " and ".join(moved), ", ".join(wanted)
            yield call, f"{method.name} calls {called}(…) with {names} in each other's places; it is {called}({order})"


def _falls_through(method: WrittenMethod, facts: ClassFacts) -> Iterator[tuple[ast.AST, str]]:  # noqa: ARG001
    """Yield the end of a method that returns a value in some cases, and reaches its end without one in others."""
    returns = [each for each in ast.walk(method.tree) if isinstance(each, ast.Return)]
    is_generator = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(method.tree))
    optional = method.tree.returns is not None and "None" in ast.unparse(method.tree.returns)
    if any(each.value is not None for each in returns) and not (is_generator or optional or _ends(method.tree.body)):
        yield (
            method.tree.body[-1],
            f"{method.name} returns a value in some cases, and None where it comes to its end without a return",
        )


def _ends(body: list[ast.stmt]) -> bool:
    """Return whether nothing is reached after these statements: they return, raise or go on for ever."""
    last = body[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _ends(last.body) and _ends(last.orelse)
    if isinstance(last, ast.With):
        return _ends(last.body)
    if isinstance(last, ast.Match):
        return all(_ends(case.body) for case in last.cases)
    if isinstance(last, ast.Try):
        return _ends(last.finalbody or last.orelse or last.body) and all(_ends(each.body) for each in last.handlers)
    return isinstance(last, ast.Return | ast.Raise | ast.While)


def _returned(method: WrittenMethod, facts: ClassFacts) -> Iterator[tuple[ast.AST, str]]:
    """Yield a message that a method returns, although nothing that calls it uses what it returns."""
    trees = [each for other in facts.methods.values() for each in ast.walk(other.tree)]
    idle = {id(each.value) for each in trees if isinstance(each, ast.Expr)}
    calls = [each for each in trees if isinstance(each, ast.Call) and _own_attribute(each.func) == method.name]
    if calls and all(id(each) in idle for each in calls):
        for each in ast.walk(method.tree):
            built = each.value.func if isinstance(each, ast.Return) and isinstance(each.value, ast.Call) else None
            if isinstance(built, ast.Name) and built.id in facts.messages:
                yield (
                    each,
                    f"{method.name} returns {built.id}(…), and what calls it does nothing with it{_use_of(built.id)}",
                )


def _use_of(message: str) -> str:
    """Return how a message is used, as the end of a sentence."""
    if message in RESPONSES:
        return "; to answer: self.reply(client, …)"
    if message == "Snapshot":
        return "; to put it in the entries' place: self.log.compact(…)"
    return "" if message == "Entry" else "; to send it: self.send(to, …)"


def _assignments(method: WrittenMethod, facts: ClassFacts) -> Iterator[tuple[ast.AST, str]]:
    """Yield assignments to a field that is not declared, and local variables that have a field's name."""
    targets = [each for each in ast.walk(method.tree) if isinstance(getattr(each, "ctx", None), ast.Store)]
    in_loops = {
        id(name)
        for each in ast.walk(method.tree)
        if isinstance(each, (ast.For, ast.comprehension))
        for name in ast.walk(each.target)
    }
    assigned = {_own_attribute(each) for each in targets}
    for target in targets:
        if name := _own_attribute(target):
            if not hasattr(facts.node_class, name) and name not in facts.fields:
                near = difflib.get_close_matches(name, sorted(facts.fields), n=1)
                advice = f"did you mean self.{near[0]}?" if near else f"declare it in the class: {name}: int = 0"
                yield target, f"{method.name} assigns to self.{name}, which is not a field; {advice}"
        elif (
            isinstance(target, ast.Name)
            and target.id in facts.fields
            and target.id not in assigned
            and id(target) not in in_loops
        ):
            yield target, f"{method.name} assigns to the local variable {target.id}; the field is self.{target.id}"


def _timers(method: WrittenMethod, facts: ClassFacts) -> Iterator[tuple[ast.AST, str]]:
    """Yield timers that are started although nothing is called when they run out."""
    heard = sorted(name[3:-8] for name in dir(facts.node_class) if name.startswith("on_") and name.endswith("_timeout"))
    for call, timer in _started_timers(method.tree):
        if timer not in heard:
            known = f"; there are on_{'_timeout, on_'.join(heard)}_timeout" if heard else ""
            yield call, f"{method.name} starts the timer {timer!r}, and there is no on_{timer}_timeout{known}"


def _unheard(method: WrittenMethod, facts: ClassFacts) -> Iterator[tuple[ast.AST, str]]:
    """Yield a method that nothing calls: no event, and no other method."""
    overrides = sum(method.name in vars(base) for base in facts.node_class.__mro__) > 1
    unwritten = any("NotImplementedError" in ast.dump(other.tree) for other in facts.methods.values())
    used = {
        each.attr
        for other in facts.methods.values()
        for each in ast.walk(other.tree)
        if isinstance(each, ast.Attribute)
    }
    if overrides or unwritten or method.name in used | facts.handlers or method.name.startswith("__"):
        return
    near = difflib.get_close_matches(method.name, sorted(facts.handlers | (used - facts.fields)), n=1, cutoff=0.7)
    advice = f"; did you mean {near[0]}?" if near else ""
    if method.name.startswith("on_"):
        restart = "; after a restart, on_start is called" if "restart" in method.name else ""
        yield method.tree, f"no event calls {method.name}{restart or advice}"
    else:
        yield method.tree, f"nothing calls {method.name}{advice}"


# The parts of a syntax tree, and of a class.


def _own_attribute(node: ast.AST) -> str:
    """Return ``name`` for ``self.name``; "" for anything else."""
    is_own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
    return node.attr if is_own and isinstance(node, ast.Attribute) else ""


def _calls(tree: ast.AST) -> set[str]:
    """Return the names of the node's own methods that a method calls."""
    return {_own_attribute(each.func) for each in ast.walk(tree) if isinstance(each, ast.Call)}


def _started_timers(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and _own_attribute(call.func) == "start_timer" and call.args:
            timer = call.args[0]
            if isinstance(timer, ast.Constant) and isinstance(timer.value, str):
                yield call, timer.value


def _messages(node_class: type) -> dict[str, type]:
    """Return the immutable dataclasses that the methods of a class can name, and so build."""
    found: dict[str, type] = {}
    for base in reversed(node_class.__mro__):
        for function in vars(base).values():
            names: dict[str, Any] = getattr(function, "__globals__", {})
            found |= {name: value for name, value in names.items() if _is_message(value)}
    return found


def _is_message(value: object) -> bool:
    return isinstance(value, type) and is_dataclass(value) and not issubclass(value, Node)
