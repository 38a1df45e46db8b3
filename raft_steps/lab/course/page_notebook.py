"""Runs the cells of a notebook in a page that has Python but no Jupyter: source in, outputs as text and HTML out.

A cell is run as Jupyter runs it: what it prints is shown, and so is the value of its last expression. The text of each
cell is known to `linecache`, as in a notebook, so that messages quote the reader's own line.
"""

from __future__ import annotations

import ast
import contextlib
import io
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from raft_steps.lab.cluster.page_session import PageSession, Post, connect_page
from raft_steps.lab.errors import LabError
from raft_steps.lab.player.opening import set_opener
from raft_steps.lab.scenario.model import MICROSECONDS

if TYPE_CHECKING:
    from raft_steps.lab.player.session import PlayerSession
    from raft_steps.lab.trace.trace import Trace

PRINTED, RESULT, ERROR, PLAYER = "printed", "result", "error", "player"
# An output for the page: its `kind`, its `text`, and with some kinds its `html` or the `session` and `options` of a player.
Output = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PagePlayer:
    """A player that a cell shows.

    Attributes:
        session: The name of its session, under which the page gets its messages.
        options: With what it opens, as the player in the browser reads it.
    """

    session: str
    options: dict[str, Any]


@dataclass(slots=True, eq=False)
class PageNotebook:
    """One notebook of a page, with the names that its cells have defined.

    Attributes:
        post: Posts a message of a session to the page: the name of the session, then what `page_session` describes.
        main: The module `__main__` of the cells, with what they have defined.
        sessions: The sessions of the players that were shown, by their names.
    """

    post: Callable[..., None]
    main: ModuleType = field(init=False)
    sessions: dict[str, PageSession] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin without any names."""
        self.restart()

    def restart(self) -> None:
        """Forget what the cells have defined; players that are open stay usable."""
        self.main = ModuleType("__main__")

    def answer(self, session: str, request: str) -> None:
        """Carry out a request of one of the players, as JSON."""
        with self._as_main():
            self.sessions[session].answer(request)

    @contextlib.contextmanager
    def _as_main(self) -> Iterator[None]:
        """Let annotations of the reader's classes find what the cells have defined: they are looked up in `__main__`."""
        before = sys.modules["__main__"]
        sys.modules["__main__"] = self.main
        try:
            yield
        finally:
            sys.modules["__main__"] = before

    def run_cell(self, name: str, source: str) -> list[Output]:
        """Run a cell, and return what Jupyter would show below it; the last output is an error if the cell failed.

        Args:
            name: The name of the cell, the same whenever it is run again.
            source: Its text.
        """
        path = f"<cell {name}>"
        linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
        printed = io.StringIO()
        outputs: list[Output] = []
        set_opener(self._open_player)
        try:
            with self._as_main(), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                value = _run(source, path, vars(self.main))
                if value is not None:
                    outputs.append(_result(value))
        except BaseException as error:  # noqa: BLE001  # Whatever a cell raises is shown below it, as in Jupyter.
            outputs.append({"kind": ERROR, "text": _format_error(error)})
        finally:
            set_opener(None)
        if text := printed.getvalue():
            outputs.insert(0, {"kind": PRINTED, "text": text})
        return outputs

    def _open_player(
        self, _trace: Trace, at: float | None, speed: float, heartbeats: bool, session: PlayerSession
    ) -> PagePlayer:
        """Open a player in the page."""
        name = f"cell-{len(self.sessions) + 1}"

        def post(kind: str, content: str, buffers: Any) -> None:
            self.post(name, kind, content, buffers)

        poster: Post = post
        self.sessions[name] = connect_page(session, poster)
        start = -1 if at is None else round(at * MICROSECONDS)
        return PagePlayer(name, {"start": start, "speed": speed, "hurry": True, "heartbeats": heartbeats})


def _run(source: str, path: str, names: dict[str, Any]) -> Any:
    """Run a cell's statements, and return the value of the last one if it is an expression without a semicolon."""
    tree = ast.parse(source, path)
    last = tree.body[-1] if tree.body else None
    shown = isinstance(last, ast.Expr) and not source.rstrip().endswith(";")
    statements = tree.body[:-1] if shown else tree.body
    exec(compile(ast.Module(statements, []), path, "exec"), names)  # noqa: S102  # It is the reader's own code, in the reader's own page.
    if not shown:
        return None
    assert isinstance(last, ast.Expr)
    return eval(compile(ast.Expression(last.value), path, "eval"), names)  # noqa: S307  # The same.


def _result(value: Any) -> Output:
    """Return the output of a cell's value, as Jupyter would show it."""
    if isinstance(value, PagePlayer):
        return {"kind": PLAYER, "text": "", "session": value.session, "options": value.options}
    output: Output = {"kind": RESULT, "text": repr(value)}
    bundle = getattr(value, "_repr_mimebundle_", None)
    html = getattr(value, "_repr_html_", None)
    if bundle is not None:
        output["html"] = bundle().get("text/html", "")
    elif html is not None:
        output["html"] = html()
    return output


def _format_error(error: BaseException) -> str:
    """Return an error as Jupyter shows it, less the frames that are not the reader's."""
    if isinstance(error, LabError):
        return "\n".join(error._render_traceback_())
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith("<cell ")]
    lines = [f"  line {frame.lineno}: {frame.line}" for frame in own]
    reason = "".join(traceback.format_exception_only(error)).strip()
    return "\n".join([*lines, reason])
