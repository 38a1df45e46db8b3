"""The wall: what the operating system allows the process of a submission, and nothing that Python would have to refuse.

Behind it there is nothing to find. A submission sees the Python interpreter and the system's libraries, the copied
package, an empty folder of limited size, and one pipe to the judge. There is no network, no other process, no other
user's file, no solution, no secret and no result. `bubblewrap` builds the wall on Linux; elsewhere, and on hosts that refuse
it, a container does. `rlimits` (`limits.py`) bound what one process may use.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import raft_steps
from raft_steps.lab.errors import LabError

BUBBLEWRAP, DOCKER, PODMAN, NOTHING = "bubblewrap", "docker", "podman", "nothing"
IMAGE = "raft-steps-grading"
CONTAINERFILE = Path(__file__).parent / "Containerfile"
PACKAGE, WORK = "/package", "/tmp"  # noqa: S108  # Inside the wall; its /tmp is a file system of its own.
FOLDER_BYTES = 16 * 1024 * 1024  # of the only folder that a submission can write to
# Another user than the instructor, who may be root: root ignores some limits, and owns files.
NOBODY = 1_999_999_999
# Only processes and threads that a Node starts itself, for which there is no need; they end with the submission.
PROCESSES_MAX = 8
MEMORY = "768m"  # of a container
# How Python is started for a submission: without site packages, user settings and bytecode files.
FLAGS = ("-s", "-S", "-P", "-B", "-c")
# Nothing of the instructor's environment, which may hold secrets; what a Node does with a set is the same every time.
ENVIRONMENT = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "HOME": WORK, "TMPDIR": WORK}
LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec", "/etc/ld.so.cache",
             "/nix/store", "/gnu/store")  # fmt: skip
LABEL = "raft-steps-grading"  # of a container: the folder of the grading that it belongs to
PROBE_S = 20.0
NO_WALL = (
    "nothing keeps a submission away from your files here: {why}. Install bubblewrap (Debian, Fedora, Arch: package "
    "bubblewrap), or use --container docker or --container podman. With --no-sandbox each submission runs as you, "
    "with all that you can read, change and reach on the network: do that only on a machine that you can lose"
)


class WallError(LabError):
    """There is no wall for submissions on this machine; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Wall:
    """A way to start the process of a submission.

    Attributes:
        kind: `BUBBLEWRAP`, `DOCKER`, `PODMAN`, or `NOTHING`, which runs it as the instructor.
        changes_user: Whether the process has to change to the user `NOBODY` itself, because root starts it.
        extra: Further options of bubblewrap that work here.
    """

    kind: str
    changes_user: bool = False
    extra: tuple[str, ...] = ()

    @property
    def user(self) -> int | None:
        """The number of the user to change to; None if there is no need."""
        return NOBODY if self.changes_user else None

    def package(self, package: Path) -> str:
        """Return where the process finds the copied package."""
        return PACKAGE if self.kind != NOTHING else str(package)

    def command(self, package: Path, code: str, *arguments: str, name: str = "") -> list[str]:
        """Return the command that starts Python with a line of code behind the wall.

        Args:
            package: The folder with the package that a submission may import.
            code: The code.
            arguments: Its arguments.
            name: A name for the container, by which it can be ended.
        """
        if self.kind == NOTHING:
            return [sys.executable, *FLAGS, code, *arguments]
        if self.kind == BUBBLEWRAP:
            return [
                shutil.which("bwrap") or "bwrap",
                *self._options(package),
                str(_interpreter()),
                *FLAGS,
                code,
                *arguments,
            ]
        limits = ["--memory", MEMORY, "--pids-limit", str(PROCESSES_MAX), "--cap-drop", "ALL"]
        limits += ["--ulimit", "nofile=64:64", "--ulimit", "nproc=64:64", "--security-opt", "no-new-privileges"]
        limits += ["--user", "65534:65534", "--tmpfs", f"{WORK}:size={FOLDER_BYTES}"]
        settings = [f"--env={key}={value}" for key, value in ENVIRONMENT.items()]
        shared = ["--volume", f"{package.absolute()}:{PACKAGE}:ro", "--workdir", WORK]
        # The container does not end with the program that starts it, so it can be found: by its name, and by the grading.
        marks = ["--label", f"{LABEL}={package.parent.name}", *(["--name", name] if name else [])]
        start = [self.kind, "run", "--rm", "--interactive", "--init", "--network", "none", "--read-only"]
        return [*start, *marks, *limits, *settings, *shared, IMAGE, "python3", *FLAGS, code, *arguments]

    def end(self, name: str) -> None:
        """End a container, if it still runs; other walls end with the process that builds them."""
        if self.is_container:
            _run_quietly([self.kind, "kill", name])

    def end_all(self, package: Path) -> None:
        """End all containers of a grading, such as those of a judge that was killed."""
        if self.is_container:
            ids = _run_quietly([self.kind, "ps", "--quiet", "--filter", f"label={LABEL}={package.parent.name}"]).split()
            if ids:
                _run_quietly([self.kind, "kill", *ids])

    @property
    def is_container(self) -> bool:
        """Whether it is a container."""
        return self.kind in (DOCKER, PODMAN)

    def _options(self, package: Path) -> Iterator[str]:
        yield from ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")
        if self.changes_user:
            yield from ("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")
        else:
            yield from ("--unshare-user", "--uid", "65534", "--gid", "65534")
        yield from (*self.extra, "--die-with-parent", "--new-session", "--hostname", "grading")
        for folder in _folders_to_make():
            yield from ("--perms", "0755", "--dir", str(folder))
        for place in _places():
            if place.is_symlink() and str(place) in LIBRARIES:
                yield from ("--symlink", str(place.readlink()), str(place))
            else:
                yield from ("--ro-bind", str(place), str(place))
        for place in _hidden():
            yield from ("--tmpfs", str(place), "--remount-ro", str(place))
        yield from ("--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev")
        yield from ("--ro-bind", str(package.absolute()), PACKAGE)
        yield from (
            "--size",
            str(FOLDER_BYTES),
            "--perms",
            "1777",
            "--tmpfs",
            WORK,
            "--chdir",
            WORK,
            "--remount-ro",
            "/",
        )


@cache
def find_wall() -> Wall:
    """Return the wall that bubblewrap builds here, which is tried by running it.

    Raises:
        WallError: There is no bubblewrap, or this host refuses what it needs.
    """
    why = "bubblewrap is for Linux only"
    if sys.platform == "linux":
        is_root = os.geteuid() == 0
        for extra in [()] if is_root else [("--disable-userns",), ()]:
            wall = Wall(BUBBLEWRAP, changes_user=is_root, extra=extra)
            why = _refusal(wall)
            if not why:
                return wall
    raise WallError(NO_WALL.format(why=why))


def without_wall() -> Wall:
    """Return what is around a submission if nothing is to be: root becomes another user at least.

    Not where that user could not read Python itself, as in root's home.
    """
    changes = hasattr(os, "geteuid") and os.geteuid() == 0
    folders = {*_interpreter().parents, *Path(os.__file__).resolve().parents}
    return Wall(NOTHING, changes_user=changes and all(folder.stat().st_mode & 0o001 for folder in folders))


def start_container(kind: str) -> Wall:
    """Return the wall that a container is, after its image is made from the file `Containerfile` of this folder.

    Args:
        kind: `DOCKER` or `PODMAN`.

    Raises:
        WallError: The program is missing, or refuses to make the image or to run it.
    """
    arguments = [
        kind,
        "build",
        "--quiet",
        "--tag",
        IMAGE,
        "--build-arg",
        f"PYTHON={sys.version_info[0]}.{sys.version_info[1]}",
    ]
    try:
        made = subprocess.run(
            [*arguments, "--file", str(CONTAINERFILE), str(CONTAINERFILE.parent / "templates")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError as error:
        raise WallError(f"{kind} cannot be started: {error.strerror}") from error
    if made.returncode:
        raise WallError(f"{kind} cannot make the image of {CONTAINERFILE.name}: {_last_line(made.stderr)}")
    wall = Wall(kind)
    if why := _refusal(wall):
        raise WallError(f"{kind} does not run the image {IMAGE}: {why}")
    return wall


def _refusal(wall: Wall) -> str:
    """Try a wall with an empty package; return why it cannot be used, or ""."""
    code = (
        f"import os, socket; os.setresuid({NOBODY}, {NOBODY}, {NOBODY}); print(6)" if wall.changes_user else "print(6)"
    )
    try:
        ran = subprocess.run(
            wall.command(CONTAINERFILE.parent / "templates", code),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PROBE_S, check=False, env=environment(wall),
        )  # fmt: skip
    except FileNotFoundError:
        return f"there is no program {'bwrap' if wall.kind == BUBBLEWRAP else wall.kind}"
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    return "" if ran.stdout == "6\n" else _last_line(ran.stderr) or f"it ends with {ran.returncode}"


def environment(wall: Wall) -> dict[str, str] | None:
    """Return the environment to start the process with: the submission's own, except for the client of a container."""
    if wall.is_container:
        return None
    return dict(ENVIRONMENT)


def _run_quietly(command: list[str]) -> str:
    """Run a program for containers, and return what it prints; that a container has gone already is not an error."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=PROBE_S).stdout
    return ""


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2][:300]


def _interpreter() -> Path:
    return Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()


@cache
def _places() -> tuple[Path, ...]:
    """Return what Python needs of this machine: the system's libraries, its own, and the interpreter."""
    own = {Path(os.__file__).resolve().parent.parent, Path(sys.base_exec_prefix, sys.platlibdir).resolve()}
    system = [Path(each) for each in LIBRARIES if Path(each).exists()]
    inside = [place for place in system if not place.is_symlink()]
    more = [each for each in sorted(own) if each.is_dir() and not any(each.is_relative_to(place) for place in inside)]
    return (*system, *more, _interpreter())


@cache
def _folders_to_make() -> tuple[Path, ...]:
    """Return the folders that lead to those places, the outer ones first; bubblewrap would let only root into them."""
    folders = {folder for place in _places() for folder in place.parents}
    return tuple(sorted(folders - {Path("/")}))


@cache
def _hidden() -> tuple[Path, ...]:
    """Return the folders with installed packages in those places, and the course itself: none is for a submission."""
    folders = [place for place in _places() if place.is_dir() and not place.is_symlink()]
    found = {
        each.resolve()
        for folder in folders
        for pattern in ("site-packages", "dist-packages")
        for each in (*folder.glob(f"python3*/{pattern}"), *folder.glob(pattern))
    }
    course = Path(raft_steps.__file__).resolve().parent
    if any(course.is_relative_to(folder) for folder in folders) and not any(
        course.is_relative_to(each) for each in found
    ):
        found.add(course)
    return tuple(sorted(found))
