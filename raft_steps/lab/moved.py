"""The new names of the modules of version 0.3: an import of an old name raises an ImportError that shows the new one.

Learners keep notebooks of earlier versions, which import from modules that have since moved into rooms.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

LAB = "raft_steps.lab"

# The old module and the new one, both within raft_steps.lab. For a package, its own name is enough, because Python
# imports a package before its modules.
MOVED = dict(
    line.split()
    for line in """
        actions runtime.simulator.actions
        arguments scenario.arguments
        budgets verify.conformance.budgets
        catalogue verify.conformance
        cells source.notebook_class
        chance random_stream
        checks.puppets checks.fake_peers
        checks.stage checks.bench
        checks.talk checks.exchange
        cli_budgets cli.catalogue
        cli_catalogue cli.catalogue
        cli_check cli.check
        cli_course cli.course
        cli_grade cli.grade
        cli_linearizable cli.linearizable
        cli_look cli.steps
        cli_map cli.sweep
        cli_run cli.run
        cli_search cli.search
        cli_sweep cli.sweep
        cli_tools cli.common
        clients runtime.simulator.clients
        course_map verify.fuzzer.course_map
        difference source.compare
        edition course.handouts
        edition_cells course.missing_steps
        edition_folder course.managed_folder
        edition_package course.package_subset
        flights trace.message_spans
        folding source.flatten
        grading.allowed grading.wall
        grading.cage grading.limits
        grading.child grading.worker
        grading.describe grading.node_schema
        grading.hand_in grading.submissions
        grading.hints grading.annotations
        grading.judge_wire grading.judge_codec
        grading.package grading.package_copy
        grading.page grading.student_page
        grading.proxy grading.remote_node
        grading.session grading.worker_process
        grading.taking source.extraction
        grading.wire grading.codec
        guard runtime.watchdog
        handling runtime.simulator.dispatch
        host runtime.host
        launch course.jupyterlab
        linearizability verify.linearizability
        live player
        logtable pictures.log_table
        markup source.highlight
        measure cluster.experiments
        meddling runtime.simulator.fault_injection
        mistakes runtime.diagnostics
        nbgrader_cells grading.nbgrader_cells
        nbgrader_course course.nbgrader_course
        nbgrader_stubs course.nbgrader_preprocessor
        network runtime.simulator.network
        notebook_charts course.charts
        notebook_files course.notebooks
        palette pictures.style
        profiles verify.fuzzer.profiles
        properties verify.properties
        reading source.parse
        recorder runtime.recorder
        release course.learner_edition
        scenario_checks scenario.validation
        scenario_text scenario.grammar
        search verify.model_checker
        simulation runtime.simulator.simulation
        still pictures.cluster_ring
        student_edition course.redaction
        super_calls source.inline_super
        svg pictures.svg
        sweep verify.fuzzer
        ten_steps checks.ten_steps
        ten_steps_report checks.ten_steps.report
        ten_steps_tester checks.ten_steps.tester
        timeline pictures.space_time
        timeline_layout pictures.space_time_layout
        timeline_legend pictures.space_time_paint
        timeline_notes pictures.space_time_scene
        timeline_paint pictures.space_time_paint
        timeline_scene pictures.space_time_scene
        timeline_signs pictures.signs
        timeline_summary pictures.space_time
        timers runtime.simulator.timers
        traffic verify.conformance.traffic
        view cluster.cluster
        widget player.widget
        words trace.narration
    """.strip().splitlines()
)

# Former modules whose names are now those of rooms, and the names that learners imported from them.
ROOMS = {
    "cluster": {"Cluster": "cluster.cluster"},
    "scenario": {
        "Action": "scenario.model",
        "MICROSECONDS": "scenario.model",
        "Scenario": "scenario.scenario",
        "TIMINGS": "scenario.model",
        "VERBS": "scenario.model",
        "default_scenario": "scenario.scenario",
    },
    "source": {"diff": "source.views", "show": "source.views", "whole": "source.views"},
    "trace": {"Event": "trace.trace", "Moment": "trace.trace", "Trace": "trace.trace"},
}


class MovedModuleFinder:
    """The last finder on `sys.meta_path`: it finds no module, but raises an error for one that has moved."""

    @staticmethod
    def find_spec(
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG004  # The import system's signature.
        target: ModuleType | None = None,  # noqa: ARG004
    ) -> ModuleSpec | None:
        """Raise an error for an old name; return None for any other, so that Python raises its usual one.

        Raises:
            ImportError: The module has moved; the message shows its new name.
        """
        package, _, name = fullname.partition(f"{LAB}.")
        if package or name not in MOVED:
            return None
        raise moved_module_error(name)


def moved_module_error(name: str) -> ImportError:
    """Return the error for an import of a module that has moved.

    Args:
        name: The old name, within raft_steps.lab.
    """
    from raft_steps.lab import HOMES

    new = MOVED[name]
    public = sorted(each for each, home in HOMES.items() if home == new or home.startswith(f"{new}."))
    usual = f"; notebooks import from {LAB} itself: from {LAB} import {', '.join(public)}" if public else ""
    return ImportError(f"{LAB}.{name} is now {LAB}.{new}{usual}", name=f"{LAB}.{name}")


def moved_name_error(room: str, name: str) -> Exception:
    """Return the error for a name that a room lacks: an ImportError if the module that once had the room's name had it.

    Args:
        room: The full name of the room's package.
        name: The name that was looked up.
    """
    new = ROOMS[room.removeprefix(f"{LAB}.")].get(name)
    if new is None:
        return AttributeError(f"module {room!r} has no attribute {name!r}")
    return ImportError(f"{room} is a package now, and {name} is in {LAB}.{new}; notebooks: from {LAB} import {name}")


def install() -> None:
    """Add the finder after all others; only once, even if the package is loaded again."""
    if not any(getattr(finder, "__name__", "") == MovedModuleFinder.__name__ for finder in sys.meta_path):
        sys.meta_path.append(MovedModuleFinder)
