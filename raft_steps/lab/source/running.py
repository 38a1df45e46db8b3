"""Runs the cells of a submission, statement by statement, as a kernel runs the cells of a notebook.

A statement that defines what the Node needs has to work. Any other, such as a print or an experiment, may fail: in a
notebook, too, the cells after a failed one can be run.
"""

from __future__ import annotations
import __future__

import ast
from collections.abc import Collection
from typing import Any

FUTURE = {name: getattr(__future__, name).compiler_flag for name in __future__.all_feature_names}


class CellRunner:
    """Runs cells in one namespace.

    Attributes:
        space: The namespace.
        count: How many statements have begun.
        skipped: What failed and was skipped, one clause each.
    """

    def __init__(self, space: dict[str, Any]) -> None:
        """Initialise with a namespace."""
        self.space = space
        self.count = 0
        self.skipped: list[str] = []
        self._flags = 0

    def run(self, name: str, label: str, text: str, needed: Collection[int]) -> None:
        """Run a cell.

        Args:
            name: The name of its file for tracebacks.
            label: Its name in messages.
            text: Its text.
            needed: The first lines of the statements that have to work.
        """
        tree: Any = compile(text, name, "exec", ast.PyCF_ONLY_AST | self._flags, dont_inherit=True)
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
                for each in statement.names:
                    self._flags |= FUTURE.get(each.name, 0)  # A kernel, too, keeps it for the cells that follow.
            self.count += 1
            first = min([statement.lineno, *(each.lineno for each in getattr(statement, "decorator_list", []))])
            code = compile(ast.Module([statement], []), name, "exec", self._flags, dont_inherit=True)
            try:
                exec(code, self.space)  # noqa: S102  # As an import does.
            except Exception as error:
                if first in needed:
                    raise
                self.skipped.append(f"line {first} of {label} was skipped: it raised {type(error).__name__}")
