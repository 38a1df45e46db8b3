"""An installed package is the whole course: every command works in an empty folder, far from any checkout.

Here the built wheel is installed without its dependencies, which are those of this environment, so no network is
needed. `make package` also installs wheel and source distribution with all that they need from the package index.
"""

import importlib.util
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from raft_steps.lab.course.environment import clean_environment
from tests.helpers.jupyter import needs

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 300


@pytest.fixture(scope="module")
def release() -> ModuleType:
    """Return the script that tries packages."""
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Build the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("packages")
    build(ROOT, folder)
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def build(source: Path, folder: Path, *targets: str) -> None:
    """Build packages from a source, without network access."""
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder), *targets]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
    assert 0 == done.returncode, done.stderr


@pytest.fixture(scope="module")
def installed(packages: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a new environment; return the folder of its commands."""
    folder = tmp_path_factory.mktemp("installed") / "env"
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--disable-pip-version-check", str(packages[0])], check=True, timeout=SECONDS_MAX)
    # A line of a .pth file is a folder to search. Those in that folder, such as the checkout's, are not followed.
    paths = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
    found = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    (Path(found.stdout.strip()) / "dependencies.pth").write_text("\n".join(sorted(paths)), encoding="utf-8")
    return folder / "bin"


@pytest.mark.slow
@needs("hatchling", "pip", reason="the wheel cannot be built and installed")
def test_every_command_works_in_an_empty_folder(release: ModuleType, installed: Path, tmp_path: Path) -> None:
    """JupyterLab opens the copied notebooks; releases, refreshing, runs, checks and grading find all they need."""
    (tmp_path / "empty").mkdir()
    lab = Path(sys.prefix) / "share" / "jupyter"  # Files of JupyterLab that are not in its package.
    settings = clean_environment(tmp_path / "settings", {})
    release.use_package(
        installed, tmp_path / "empty", **settings, JUPYTERLAB_DIR=str(lab / "lab"), JUPYTER_PATH=str(lab)
    )

    assert list((tmp_path / "empty" / "handouts" / "step_06").glob("06_*.ipynb"))


@pytest.mark.slow
@needs("hatchling", reason="nothing can be built")
def test_source_distribution_makes_the_same_wheel(packages: tuple[Path, Path], tmp_path: Path) -> None:
    """A wheel that is built from the unpacked source distribution has the same files, byte for byte."""
    wheel, source = packages
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    build(unpacked, tmp_path / "dist", "--target", "wheel")
    (again,) = (tmp_path / "dist").glob("*.whl")

    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert one.namelist() == other.namelist()
        assert [] == [name for name in one.namelist() if one.read(name) != other.read(name)]
