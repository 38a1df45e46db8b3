"""The commands `sweep` and `course-map --renew`: what they print, store and draw, and their exit statuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from raft_steps.lab.cli.command import main
from raft_steps.lab.verify.fuzzer import course_map as maps
from raft_steps.lab.verify.fuzzer import kept_rules
from raft_steps.lab.verify.fuzzer.profiles import PROFILES
from raft_steps.lab.verify.properties import ALL_RULES, reads

SHORT = ["--seeds", "4", "--seconds", "20", "--workers", "1"]


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, list(arguments))


def test_sweep_without_a_failure_has_status_0() -> None:
    """Every event is checked against the rules that the step is expected to keep, and no others."""
    answer = run("sweep", "8", *SHORT)

    assert 0 == answer.exit_code, answer.output
    assert "step 8, profile hostile, 5 servers, 4 seeds of 20 s: 4 survived (100.0%)" in answer.output


def test_sweep_with_a_failure_has_status_1(tmp_path: Path) -> None:
    """The first failure is printed small and drawn; with --json, the output is one object."""
    picture = tmp_path / "small.svg"
    printed = run("sweep", "8", "--every-rule", *SHORT, "--svg", str(picture))
    data = run("sweep", "8", "--every-rule", *SHORT, "--json")

    assert (1, 1) == (printed.exit_code, data.exit_code)
    assert "A failure, made small:" in printed.output
    assert "<svg" in picture.read_text(encoding="utf-8")
    assert json.loads(data.output)["seeds"]


def test_sweep_that_cannot_be_judged_has_status_2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing broke, but a seed could not be judged: that is not a verdict."""
    monkeypatch.setattr(reads, "STEPS_MAX", 1)
    arguments = ["--first-seed", "7", "--seeds", "1", "--seconds", "8", "--every-rule", "--workers", "1"]
    printed = run("sweep", "12", "--profile", "partitions", *arguments)
    data = run("sweep", "12", "--profile", "partitions", *arguments, "--json")

    assert (2, 2) == (printed.exit_code, data.exit_code)
    assert "0 survived (0.0%), 1 could not be judged" in printed.output
    assert ["7"] == list(json.loads(data.output)["unjudged"])


def test_class_is_loaded_before_any_seed_is_tried() -> None:
    """The errors for a file that does not exist, an unknown step and a length without an end are sentences."""
    assert "there is no file none.py" in run("sweep", "8", "--node", "none.py").stderr
    assert "there is no step 99" in run("sweep", "99").stderr
    for seconds in ("0", "nan", "inf"):
        answer = run("sweep", "8", "--seconds", seconds)
        assert (2, True) == (answer.exit_code, "needs at least one seed, one server and some time" in answer.stderr)


def test_map_is_measured_and_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--renew replaces the stored rows by measured ones, which every later map shows."""
    monkeypatch.setattr(maps, "STORED", tmp_path / "measured.json")
    monkeypatch.setattr(maps, "map_on_cores", map)
    monkeypatch.setattr(maps, "_measure", lambda seeds, place: {"Log Matching": 1} if place[0] == 2 else {})
    renewed = json.loads(run("course-map", "--renew", "--seeds", "4", "--json").output)

    assert renewed == json.loads(run("course-map", "--json").output)
    assert {4} == {cell["seeds"] for cell in renewed["cells"]}
    assert {"step 2"} == {cell["row"] for cell in renewed["cells"] if cell["broken"]}


def test_kept_rules_show_figures_and_reasons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The table has a row for each rule and the number of runs; each rule that a step breaks has a reason below."""
    shown = run("kept-rules")
    data = json.loads(run("kept-rules", "--json").output)

    assert 0 == shown.exit_code
    assert all(rule.name in shown.output for rule in ALL_RULES)
    assert "step 9, Leader Completeness: a server votes without asking what is in the candidate's log" in shown.output
    assert {"step", "profile", "seeds", "broken"} == set(data["rows"][0])

    monkeypatch.setattr(kept_rules, "MEASURED", tmp_path / "kept.json")
    rows = kept_rules.measure_kept_rules(2, steps=[12], workers=1)
    kept_rules.store_kept_rules(rows)
    assert [(12, profile, 2) for profile in PROFILES] == [(row.step, row.profile, row.seeds) for row in rows]
    assert list(PROFILES) == [row["profile"] for row in kept_rules.stored_rows()]
