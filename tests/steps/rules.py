"""The rules that every step keeps, so that it can be read alone, and so that the chain can be folded into one file.

    1  The class is Node, derived from the Node of the step before, and just a class.
    2  super() is one whole statement that passes on the method's own arguments; the inherited method returns nothing.
    3  A message is built in one method and handled by one; once it is redefined, no inherited code uses the old one.
    4  Methods are short, each one written again differs, and what a step removes existed and is no longer used.
    5  The docstring's lists New, Changed and Removed agree with the code.
    6  A step imports the standard library, the laboratory's few names and earlier steps, and is pure.
    7  A step is 10 to 190 lines long.

`broken_rules` works on texts alone, so that it can be tested with steps that break the rules.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Sequence

import raft_steps
from raft_steps.lab import node
from raft_steps.lab.errors import SourceError
from raft_steps.lab.source.inline_super import function_of, inline_super, parameters, passed_on, super_calls
from raft_steps.lab.source.parse import Definition, global_names
from tests.steps import rules_of_messages as messages
from tests.steps import rules_of_words as words
from tests.steps.rule_cases import Case, StepText

METHOD_LINES_MAX = 40
STEP_LINES_MIN, STEP_LINES_MAX = 10, 190
MUTABLE = {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict", "Log"}


def step_texts(last: int | None = None) -> list[StepText]:
    """Read the modules of the steps, up to and including the given one.

    Raises:
        LookupError: There is no such step.
    """
    steps = [step for step in raft_steps.STEPS if last is None or step.number <= last]
    modules = [raft_steps.step(step.number) for step in steps]
    return [StepText(module.__name__.rpartition(".")[2], inspect.getsource(module)) for module in modules]


def broken_rules(chain: Sequence[StepText]) -> list[str]:
    """Return which rules the last step of a chain breaks, each as ``rule 3: what is wrong``."""
    case = Case(chain[-1], chain[:-1])
    try:
        case.step.chapter  # noqa: B018  # A step that cannot be parsed cannot be checked any further.
    except (SourceError, SyntaxError) as error:
        return [f"rule 1: {error}"]
    return [f"rule {number}: {broken}" for number, rule in RULES for broken in rule(case)]


# Rule 1: just a class.


def node_comes_last(case: Case) -> Iterator[str]:
    """The step ends with its Node."""
    last = case.step.tree.body[-1]
    if not isinstance(last, ast.ClassDef) or last.name != "Node":
        yield "class Node comes last in the module"


def node_has_the_right_base(case: Case) -> Iterator[str]:
    """Node is derived from the Node of the step before, the first one from the laboratory's."""
    module, name = ("raft_steps", case.earlier[-1].name) if case.earlier else ("raft_steps.lab", "node")
    alias = "_".join(name.split("_")[:2])
    found = _node_class(case)
    if [ast.unparse(base) for base in found.bases] != [f"{alias}.Node"]:
        yield f"Node is derived from {alias}.Node and nothing else"
    if tuple(case.step.chapter.imports.get(alias, ())) != (module, name):
        yield f"{alias} is imported as: from {module} import {name}" + (f" as {alias}" if alias != name else "")
    if found.decorator_list or found.keywords:
        yield "Node has no decorator and no keywords; its base makes it a dataclass"


def node_is_just_a_class(case: Case) -> Iterator[str]:
    """No constructor, no slots, no private names, no decorated methods, no shared mutable defaults."""
    for piece in case.step.chapter.members:
        if piece.name.startswith("__"):
            yield f"{piece.name} has two underscores; a node has fields, and begins in on_start"
        if piece.kind == "method" and (not _is_function(piece) or function_of(piece).decorator_list):
            yield f"{piece.name} is not a plain method"
        if piece.kind != "method" and _is_shared(piece):
            yield f"{piece.name} would be shared by all servers; write field(default_factory=…)"


def _node_class(case: Case) -> ast.ClassDef:
    return next(s for s in case.step.tree.body if isinstance(s, ast.ClassDef) and s.name == "Node")


def _is_function(piece: Definition) -> bool:
    return isinstance(ast.parse(piece.text).body[0], ast.FunctionDef)


def _is_shared(piece: Definition) -> bool:
    """Return whether a field's default is one mutable object for all nodes."""
    match ast.parse(piece.text).body[0]:
        case ast.AnnAssign(value=value) | ast.Assign(value=value):
            if isinstance(value, ast.Call):
                return ast.unparse(value.func).rpartition(".")[2] in MUTABLE
            return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)
    return False


# Rule 2: super().


def super_passes_on(case: Case) -> Iterator[str]:
    """super() can be replaced by the inherited lines, or the laboratory's base defines the method."""
    for piece in case.step.chapter.members:
        found = super_calls(piece)
        if not found.count:
            continue
        if found.count != 1 or found.methods != [piece.name] or len(found.statements) != 1:
            yield f"{piece.name}: super() is allowed once, as a statement of its own: super().{piece.name}(…)"
        elif passed_on(found.statements[0]) != parameters(piece):
            yield f"{piece.name}: super().{piece.name}(…) does not pass the same arguments on"
        elif _returned(case, piece.name) != "None":
            yield f"{piece.name}: the inherited method returns {_returned(case, piece.name)}; write the whole method"
        else:
            try:
                inline_super(piece, case.old_members, case.step.chapter.title)
            except SourceError as error:
                yield str(error)


def _returned(case: Case, name: str) -> str:
    """Return the annotated return type of the inherited method of a name."""
    if name in case.old_members:
        returned = function_of(case.old_members[name]).returns
        return "something" if returned is None else ast.unparse(returned)
    method = getattr(node.Node, name, None)
    return str(getattr(method, "__annotations__", {}).get("return", "nothing that is known"))


# Rule 4: methods, and what is removed.


def methods_are_short(case: Case) -> Iterator[str]:
    """A method is short enough to read at a glance."""
    for piece in case.step.chapter.members:
        lines = piece.text.count("\n") + 1
        if piece.kind == "method" and lines > METHOD_LINES_MAX:
            yield f"{piece.name} has {lines} lines; a method has at most {METHOD_LINES_MAX}"


def restated_methods_differ(case: Case) -> Iterator[str]:
    """A method that is written again differs, or uses a message that is redefined."""
    for piece in case.step.chapter.members:
        old = case.old_members.get(piece.name)
        if old is not None and piece.text == old.text and not global_names(piece.text) & set(case.redefined):
            yield f"{piece.name} is written again without a change"


def what_goes_was_there(case: Case) -> Iterator[str]:
    """removed("why") marks a name of an earlier step, with a reason, and nothing uses that name any more."""
    own = {piece.name for piece in (*case.step.chapter.members, *case.step.chapter.definitions)}
    for name in sorted(case.step.chapter.removed):
        if name not in case.old_members and name not in case.old_definitions:
            yield f"{name} is removed, but no earlier step has it"
        if name in own:
            yield f"{name} is removed and defined in the same step"
        for method in case.after.methods:
            if name in _looked_up(method):
                yield f"{method.name} still uses {name}, which the step removes"
    for call in ast.walk(case.step.tree):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "removed" and not _has_reason(call):
            yield f'line {call.lineno}: removed("why") says why, in words'


def _looked_up(method: Definition) -> set[str]:
    """Return the names that a method looks up in self, and those that it looks up in its module."""
    nodes = ast.walk(ast.parse(method.text))
    return {n.attr for n in nodes if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "self"} | global_names(
        method.text
    )


def _has_reason(call: ast.Call) -> bool:
    match call.args:
        case [ast.Constant(value=str(why))]:
            return " " in why.strip()
    return False


# Rule 7: a step is a commit.


def step_has_its_size(case: Case) -> Iterator[str]:
    """A step is as long as a commit that you can read."""
    lines = len(case.step.text.splitlines())
    if not STEP_LINES_MIN <= lines <= STEP_LINES_MAX:
        yield f"the step has {lines} lines; a step has {STEP_LINES_MIN} to {STEP_LINES_MAX}"


RULES: tuple[tuple[int, Callable[[Case], Iterator[str]]], ...] = (
    (1, node_comes_last),
    (1, node_has_the_right_base),
    (1, node_is_just_a_class),
    (2, super_passes_on),
    (3, messages.definitions_are_messages),
    (3, messages.nothing_inherited_names_it),
    (3, messages.built_in_one_method),
    (3, messages.every_message_is_used),
    (3, messages.imports_are_the_latest),
    (3, messages.handlers_fit),
    (4, methods_are_short),
    (4, restated_methods_differ),
    (4, what_goes_was_there),
    (5, words.docstring_has_its_parts),
    (5, words.lists_agree_with_the_code),
    (6, words.imports_are_few),
    (6, words.names_are_pure),
    (6, words.annotations_are_late),
    (6, words.steps_are_named_once),
    (6, words.comments_belong_to_something),
    (7, step_has_its_size),
)
