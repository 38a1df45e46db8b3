"""The command `raft-steps`: the course from a terminal, for people and for scripts.

The exit statuses are listed in `exit_status`, which decides them: 0 and 1 are verdicts, 2 means that there is none.
An error is one sentence on standard error. With --json, standard output holds one JSON object and nothing else.
"""

from __future__ import annotations

import click

from raft_steps import __version__
from raft_steps.lab.cli import (
    catalogue,
    chaos,
    check,
    course,
    draw,
    grade,
    linearizable,
    log,
    run,
    search,
    servers,
    site,
    steps,
    sweep,
)
from raft_steps.lab.cli.common import CourseGroup
from raft_steps.lab.cli.edition_help import fit_to_edition


@click.group(
    cls=CourseGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command explains itself: raft-steps COMMAND --help\n\n"
    "Exit status: 0 and 1 are verdicts, 2 means that nothing could be judged, 130 Control-C.",
)
@click.version_option(__version__, prog_name="raft-steps", message="%(prog)s %(version)s")
def main() -> None:
    """Raft, one small step at a time: read the steps, run them, check your own.

    \b
    To begin:            raft-steps lab
    List the steps:      raft-steps steps
    See a step fail:     raft-steps run 7 --scenario 'at 12 crash leader'
    Begin your own:      raft-steps start 6 > my_raft.py
    Check your own:      raft-steps check 6 --node my_raft.py
    """  # noqa: D301  # click's own mark for lines that it shall not wrap


main.add_section(
    "The course",
    course.lab,
    course.progress,
    steps.steps,
    steps.start,
    steps.cheat_sheet,
    steps.show,
    steps.diff,
    steps.mistakes,
)
main.add_section("Running and checking", run.run, run.replay, check.check, check.watch, check.ten_steps)
main.add_section("Real servers", servers.cluster, servers.serve, servers.client, log.log, draw.draw, chaos.chaos)
main.add_section(
    "Looking for what is wrong",
    sweep.sweep,
    search.search,
    search.schedule,
    linearizable.linearizable,
    sweep.course_map,
    sweep.kept_rules,
    catalogue.catalogue,
    catalogue.budgets,
)
main.add_section("For authors and instructors", course.refresh, course.release, grade.grade, site.site)
fit_to_edition(main)
