"""Which files are part of the course: what tests of all files go through."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def files_of_the_course() -> list[Path]:
    """Return every file that is, or may become, part of the repository; in an unpacked archive, every file."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        return [path for line in listed.stdout.splitlines() if (path := ROOT / line).is_file()]
    hidden = {".venv", ".git", "__pycache__", "node_modules"}
    return [path for path in ROOT.rglob("*") if path.is_file() and not hidden & set(path.parts)]
