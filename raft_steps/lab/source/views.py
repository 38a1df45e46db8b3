"""Views of the chain of steps as source text.

    whole(6)                        the complete node as of step 6, as one module
    show(6, "on_append_entries")    one method, message or field of it; show(6) is the step's module
    diff(5, 6)                      what step 6 changes; diff(5, 6, "on_append_entries") is one method of it

Each takes a step's number or a Node class, such as your own from a notebook's cell. A notebook shows the results
highlighted, `print` prints plain text, and `ansi()` returns text in a terminal's colours.
"""

from __future__ import annotations

import difflib
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from raft_steps import STEPS
from raft_steps.lab import node
from raft_steps.lab.errors import SourceError
from raft_steps.lab.source import highlight
from raft_steps.lab.source.compare import FIELDS, Difference, NodeText, compare, find_text, plain_name
from raft_steps.lab.source.flatten import LINE_LENGTH, flatten, format_fields, format_module
from raft_steps.lab.source.notebook_class import read_custom_class
from raft_steps.lab.source.parse import StepSource, read_step

GENERATED = (
    "Generated from {all}: change those, and not this. Every message, field and method is here as it was last "
    "written, word for word and with its comments. A call of super() that passes its arguments on is replaced by the "
    "lines that it calls. What a later step drops is left out, and so are unused imports."
)


@dataclass(frozen=True, slots=True, repr=False)
class Source:
    """A piece of source text.

    Attributes:
        title: Its title, such as ``on_append_entries as of step 6``.
        text: The text, with a newline at its end.
    """

    title: str
    text: str

    def __str__(self) -> str:
        """Return the text without the last newline, as for `print`."""
        return self.text.rstrip("\n")

    __repr__ = __str__

    def ansi(self) -> str:
        """Return the text in a terminal's colours."""
        return highlight.ansi_source(str(self))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        """Return what a notebook shows."""
        block = highlight.html_block(f"<b>{self.title}</b>", highlight.html_source(str(self)))
        return {"text/plain": str(self), "text/html": block}


def whole(step_or_class: int | type) -> Source:
    """Return the complete node as of a step, or as of your own class, as one module.

    Raises:
        SourceError: There is no such step, or the source of the class cannot be found or flattened.
    """
    steps = steps_of(step_or_class)
    title = steps[-1].title
    generated = textwrap.fill(GENERATED.format(all=_titles(steps)), LINE_LENGTH - 4)
    text = format_module(flatten(steps), f"The whole node as of {title}, in one file.\n\n{generated}\n")
    return Source(f"the whole node as of {title}", text)


def show(step_or_class: int | type, *names: str) -> Source:
    """Return methods, messages or fields as of a step or class; without a name, the text of the step itself.

    Args:
        step_or_class: The number of a step, or a Node class such as your own.
        names: The definitions to show; ``"fields"`` stands for all fields.

    Raises:
        SourceError: There is no definition of that name, or the source cannot be found.
    """
    if not names:
        step = steps_of(step_or_class)[-1]
        return Source(step.title, step.text)
    node_text = _node_text(step_or_class)
    texts = [find_text(node_text.texts, plain_name(name), f"{node_text.title} has no") for name in names]
    return Source(f"{', '.join(names)} as of {node_text.title}", "\n\n".join(texts) + "\n")


def diff(before: int | type, after: int | type, *names: str) -> Difference:
    """Return the changes that a step, or your class, makes to an earlier one.

    Args:
        before: The earlier node: the number of a step, or a Node class.
        after: The later node: the number of a step, or a Node class.
        names: The definitions to compare; without a name, all that differ.

    Raises:
        SourceError: A definition does not differ or does not exist, or a source cannot be found.
    """
    return compare(_node_text(before), _node_text(after), *names)


def patch(before: int | type, after: int | type) -> str:
    """Return the difference between two whole nodes as a patch.

    Raises:
        SourceError: A source cannot be found or flattened.
    """
    first, second = whole(before), whole(after)
    old, new = first.text.splitlines(keepends=True), second.text.splitlines(keepends=True)
    return "".join(difflib.unified_diff(old, new, first.title, second.title))


def _node_text(step_or_class: int | type) -> NodeText:
    """Return the node as of a step or class; it need not be a complete module."""
    steps = steps_of(step_or_class)
    flat = flatten(steps, complete=False)
    variables = flat.variables
    texts = {definition.name: definition.text for definition in (*flat.definitions, *flat.members)}
    order = [definition.name for definition in flat.definitions]
    order += [FIELDS] * bool(variables) + [definition.name for definition in flat.methods]
    return NodeText(steps[-1].title, tuple(order), texts | ({FIELDS: format_fields(variables)} if variables else {}))


def steps_of(step_or_class: object) -> list[StepSource]:
    """Read the steps that a node consists of, from the first one on."""
    if isinstance(step_or_class, int):
        last = read_step(step_or_class)  # Read first, so that an error is about the step that was asked for.
        return [*map(read_step, range(1, step_or_class)), last]
    if not (
        isinstance(step_or_class, type) and issubclass(step_or_class, node.Node) and step_or_class is not node.Node
    ):
        raise SourceError(f"this takes the number of a step or a Node class, not {step_or_class!r}")
    numbers = {step.module_name: step.number for step in STEPS}
    steps: list[StepSource] = []
    for each in reversed(step_or_class.__mro__[: step_or_class.__mro__.index(node.Node)]):
        if len(each.__bases__) > 1:
            raise SourceError(f"{each.__name__} has several bases; a node changes the one before it, and no other")
        if each.__module__ in numbers:
            steps.append(read_step(numbers[each.__module__]))
        else:
            known = frozenset(definition.name for step in steps for definition in step.definitions)
            steps.append(read_custom_class(each, known))
    return steps


def _titles(steps: Sequence[StepSource]) -> str:
    """Return the titles of all steps: ``steps 1 to 5 and your Node``."""
    count = sum(step.title.startswith("step ") for step in steps)
    named = ["step 1" if count == 1 else f"steps 1 to {count}"] if count else []
    named += [step.title for step in steps[count:]]
    return " and ".join([", ".join(named[:-1])] * (len(named) > 1) + named[-1:])
