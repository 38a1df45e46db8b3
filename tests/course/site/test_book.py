"""The site is made in a folder of its own, by Sphinx, and a mistake on a page is an error."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from raft_steps import STEPS
from raft_steps.lab.course.course_folder import CourseFolder, find_course
from raft_steps.lab.course.site import reference, sources
from raft_steps.lab.course.site.book import MARK, SiteError, make_site
from raft_steps.lab.course.site.front_page import NoFrontPageError
from raft_steps.lab.course.site.recorded_runs import RecordedRun
from raft_steps.lab.course.site.sources import write_sources

ROOT = Path(__file__).parents[3]
SPHINX = ROOT / ".venv-site" / "bin" / "sphinx-build"
RUN = RecordedRun(
    notebook="06_term_checks.ipynb",
    cell="player",
    trace=b'{"version": 1}\n',
    options={"start": 46},
    scenario="",
    step=6,
)
# Stands in for Sphinx: makes a page of nothing, and what Sphinx leaves behind.
FAKE = """#!{python}
import sys
from pathlib import Path
sources, pages = map(Path, sys.argv[-2:])
assert (sources / "conf.py").is_file() and (sources / "06_term_checks.ipynb").is_file()
if {fails}:
    sys.exit(f"{{sources}}/design.md:3: WARNING: a link leads nowhere")
(pages / "_sources").mkdir(parents=True)
(pages / "objects.inv").touch()
(pages / "index.html").write_text('<aside class="sidebar-drawer"><pre>x</pre><pre style="a">y</pre><th id=z></th><th class="head"><p></p></th><div class="table-wrapper x">')
"""


@pytest.fixture(autouse=True)
def stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take one short run instead of those of all notebooks, and the mistakes of one step."""
    monkeypatch.setattr(sources, "record_all", lambda _paths, _jobs: [RUN])
    monkeypatch.setattr(reference, "STEPS", STEPS[5:6])


def fake(folder: Path, fails: bool = False) -> str:
    """Write the program that stands in for Sphinx."""
    program = folder / "sphinx-build"
    program.write_text(FAKE.format(python=sys.executable, fails=fails), encoding="utf-8")
    program.chmod(0o755)
    return str(program)


def test_sources_hold_pages_runs_and_player(tmp_path: Path) -> None:
    """Everything is in the folder of the book."""
    write_sources(find_course(ROOT), tmp_path / "sources")
    static = tmp_path / "sources" / "_static"

    assert b'{"version": 1}\n' == (static / "runs" / "06_term_checks-player.ndjson").read_bytes()
    assert '"start": 46' in (static / "runs" / "06_term_checks-player.json").read_text(encoding="utf-8")
    assert "export default" in (static / "player.js").read_text(encoding="utf-8")
    original = ROOT / "notebooks" / "06_term_checks.ipynb"
    assert original.read_bytes() == (tmp_path / "sources" / "extra" / "files" / original.name).read_bytes()


def test_site_replaces_an_earlier_one_and_nothing_else(tmp_path: Path) -> None:
    """A folder with other files is not touched."""
    out, other = tmp_path / "site", tmp_path / "other"
    other.mkdir()
    (other / "letter.txt").touch()
    for _ in range(2):
        assert [RUN] == make_site(find_course(ROOT), out, sphinx=fake(tmp_path))

    assert {"index.html", MARK} == {path.name for path in out.iterdir()}
    with pytest.raises(SiteError, match="other is not empty and holds no site"):
        make_site(find_course(ROOT), other, sphinx=fake(tmp_path))
    assert ["letter.txt"] == [path.name for path in other.iterdir()]


def test_pages_are_mended_for_readers_without_a_mouse(tmp_path: Path) -> None:
    """Landmarks have names, and long lines and wide tables can be reached with the keyboard."""
    make_site(find_course(ROOT), tmp_path / "site", sphinx=fake(tmp_path))
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")

    assert (
        '<aside class="sidebar-drawer" aria-label="All pages">'
        '<pre tabindex="0">x</pre><pre tabindex="0" style="a">y</pre><td></td><td></td>'
        '<div tabindex="0" role="group" aria-label="Table" class="table-wrapper x">'
    ) == page


def test_mistake_on_a_page_is_an_error_and_leaves_the_site_as_it_was(tmp_path: Path) -> None:
    """The error names the file and the line, and no folder of this machine."""
    make_site(find_course(ROOT), tmp_path / "site", sphinx=fake(tmp_path))

    with pytest.raises(SiteError) as caught:
        make_site(find_course(ROOT), tmp_path / "site", sphinx=fake(tmp_path, fails=True))
    assert "Sphinx finds mistakes in the pages:\ndesign.md:3: WARNING: a link leads nowhere" == str(caught.value)
    assert (tmp_path / "site" / "index.html").is_file()


def test_course_without_a_readme_is_refused(tmp_path: Path) -> None:
    """An installed wheel has notebooks, and no documents."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")

    with pytest.raises(NoFrontPageError, match=r"has no README\.md, from which the front page is made; use a checkout"):
        write_sources(CourseFolder(tmp_path, tmp_path / "notebooks"), tmp_path / "out")


def test_missing_sphinx_is_named(tmp_path: Path) -> None:
    """The message says what installs it."""
    with pytest.raises(SiteError, match=r"there is no program no-such-program; make site installs it"):
        make_site(find_course(ROOT), tmp_path / "site", sphinx="no-such-program")


@pytest.mark.slow
@pytest.mark.skipif(not SPHINX.is_file(), reason="NO SPHINX: the pages are not made; run make site once")
def test_sphinx_makes_the_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sphinx finds no mistake, and no page asks another host for a script, a style sheet or a picture."""
    monkeypatch.setattr(reference, "STEPS", STEPS)  # Notebooks lead to the words and mistakes of all steps.
    make_site(find_course(ROOT), tmp_path / "site", sphinx=str(SPHINX))
    pages = {path.stem: path.read_text(encoding="utf-8") for path in (tmp_path / "site").glob("*.html")}

    assert {"index", "06_term_checks", "12b_find_the_bug", "design"} <= pages.keys()
    assert 'data-run="06_term_checks-player"' in pages["06_term_checks"]
    for name, page in pages.items():
        assert 'src="http' not in page, name
        assert '<link rel="stylesheet" type="text/css" href="http' not in page, name
    assert "Copyright" in (tmp_path / "site" / "licences.txt").read_text(encoding="utf-8")
