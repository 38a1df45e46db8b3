"""The page for a student: one file that asks for nothing else.

For each failure it has the rule, a diagram and a line to replay. It names no private seed, and shows no code of a check.
"""

from __future__ import annotations

import shlex
from html import escape
from typing import TYPE_CHECKING, Any

from raft_steps.lab.checks.report import CheckResult
from raft_steps.lab.grading.trials import search_passed
from raft_steps.lab.verify.properties.rules import RULES

if TYPE_CHECKING:
    from raft_steps.lab.grading.trials import Tried
    from raft_steps.lab.grading.verdict import Verdict

STYLE = """
body{font:16px/1.5 system-ui,sans-serif;color:#1c1c1c;background:#fff;margin:2rem auto;max-width:60rem;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}pre{background:#f3f3f3;padding:.6rem;white-space:pre-wrap;
overflow-wrap:anywhere}.rule{border-left:4px solid #57606a;padding-left:.8rem}img{max-width:100%;height:auto}
table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}
.ok{color:#1a7f37;font-weight:600}.no{color:#b3261e;font-weight:600}
"""
PICTURE_MAX = 600_000  # characters; a longer one says less than the words beside it


def page(student: str, file: str, verdict: Verdict, tried: Tried | None, class_name: str = "Node") -> str:
    """Give the page of one submission.

    Args:
        student: Whose it is.
        file: The name of the file that was handed in.
        verdict: What it gets.
        tried: What came of the trials; None where there were none.
        class_name: The name of the Node class.
    """
    parts = [
        f"<h1>Step {verdict.step}: {escape(student)}</h1>",
        f"<p><strong>{verdict.score:g} of 100</strong> ({verdict.points:g} of {verdict.most}). {escape(verdict.sentence)}</p>",
        _table(verdict, tried),
    ]
    if tried is not None:
        own = file if file.endswith(".py") else "my_raft.py"
        node = f"{own}:{class_name}"
        failed = [result for result in tried.report.results if result.tried and not result.passed]
        parts += [_failure(result, verdict.step, node, class_name) for result in failed]
        parts += [_sweep(tried, verdict.step, node, class_name), _search(tried, node)]
    if verdict.remarks:
        parts.append("<h2>Beside</h2><ul>" + "".join(f"<li>{escape(each)}</li>" for each in verdict.remarks) + "</ul>")
    body = "\n".join(filter(None, parts))
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>Step {verdict.step}: {escape(student)}'
        f"</title><style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _table(verdict: Verdict, tried: Tried | None) -> str:
    rows = [_row(name, point, 1) for name, point in verdict.checks.items()]
    survived, of = verdict.seeds
    seeds = f" ({survived} of {of} survived)" if of else ""
    rows += [_row(f"private seeds{seeds}", verdict.sweep, 1), _row("the search", verdict.search, 1)]
    shares = "<p><small>Seeds and search count in proportion to the checks that pass.</small></p>"
    untried = shares if tried is not None else "<p>Nothing was run.</p>"
    return f"<table><tr><th>what was tried</th><th>points</th></tr>{''.join(rows)}</table>{untried}"


def _row(name: str, point: float, most: float) -> str:
    mark = "ok" if point >= most else "no"
    return f'<tr><td>{escape(name)}</td><td class="{mark}">{point:g}</td></tr>'


def _failure(result: CheckResult, step: int, node: str, class_name: str) -> str:
    lines = escape(result.message).replace("\n", "<br>")
    try:
        picture = result.picture()
        drawn = picture.to_html() if picture is not None else ""
    except Exception:  # noqa: BLE001  # A run that a Node has broken off may not be drawable; the words are there.
        drawn = ""
    return "\n".join(
        (
            f"<h2>{escape(result.name)}</h2>",
            f"<p>{lines}</p>",
            f'<p class="rule">{escape(result.check.rule)}<br><small>{escape(result.check.source)}</small></p>',
            _fitting(drawn),
            "<p>To see it again, in a notebook or in a terminal:</p>",
            _code(f"check({class_name}, step={step})"),
            _code(f"raft-steps check {step} --node {shlex.quote(node)}"),
        )
    )


def _fitting(drawn: str) -> str:
    return drawn if len(drawn) <= PICTURE_MAX else ""


def _code(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"


def _sweep(tried: Tried, step: int, node: str, class_name: str) -> str:
    swept = tried.swept
    if swept is None or swept.first is None:
        return ""
    first = swept.shown.trial if swept.shown is not None else swept.first
    said = ["<h2>In adversity</h2>", f"<p>{escape(first.broken)}: {escape(first.text)}</p>", _rule(first.broken)]
    if swept.shown is None:
        own = f"raft-steps sweep {step} --profile hostile --node {shlex.quote(node)}"
        return "\n".join([*said, "<p>The seed that shows it is private. Try some of your own:</p>", _code(own)])
    text = swept.shown.scenario.to_text()
    said += [
        _fitting(tried.pictures.get("sweep", "")),
        "<p>The same kind of failure again, with a seed of its own:</p>",
    ]
    said.append(_code(f'Cluster.replay("{text}", {class_name})'))
    said.append(_code(f"raft-steps replay {shlex.quote(text)} --node {shlex.quote(node)}"))
    return "\n".join(said)


def _rule(name: str) -> str:
    for rule in RULES:
        if rule.name == name:
            return f'<p class="rule">{escape(rule.sentence)}<br><small>{escape(rule.section)}</small></p>'
    return ""


def _search(tried: Tried, node: str) -> str:
    found: Any = tried.found
    if found is None or search_passed(found):
        return ""
    said = ["<h2>Searching all orders of events</h2>", f"<p>{escape(found.what)} {escape(found.words)}</p>"]
    said += [_rule(found.what), _fitting(tried.pictures.get("search", ""))]
    if found.schedule is not None:
        text = found.schedule.to_text()
        said.append(_code(f"echo {shlex.quote(text)} | raft-steps schedule - --node {shlex.quote(node)}"))
    return "\n".join(said)
