"""A run of real servers, as a page of its own: `raft-steps draw … --html FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from raft_steps.lab.cli.command import main
from raft_steps.lab.cluster.real_cluster import RealCluster
from raft_steps.lab.commands import Ok
from tests.player.in_browser.player_on_page import PlayerOnPage

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAIT_S = 60


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let three servers elect a leader, which crashes, and draw what they recorded."""
    folder = tmp_path_factory.mktemp("run")
    with RealCluster(12, folder=folder) as cluster:
        cluster.run(WAIT_S, until=lambda: isinstance(cluster.set("colour", "green"), Ok))
        cluster.crash(cluster.leader or "tom")
        cluster.run(WAIT_S, until=lambda: isinstance(cluster.set("colour", "blue"), Ok))
    file = folder / "run.html"
    result = CliRunner().invoke(main, ["draw", *map(str, sorted(folder.glob("*.trace"))), "--html", str(file)])
    assert result.exit_code == 0, result.output
    return file


def test_page_plays_the_run(page_file: Path, chromium: Browser) -> None:
    """It is drawn without a network, steps, jumps to the crash, and shows that the crashed server is down."""
    context = chromium.new_context(offline=True)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(page_file.as_uri())
    player = PlayerOnPage(page)
    before = player.event
    player.press("next")
    player.until("Number(player.dataset.event) > given", before)
    player.press("end")
    player.until("Number(player.dataset.event) > given", before + 20)
    page.locator("[data-option=heartbeats]").uncheck()
    page.locator(".rp-speed").select_option("2")
    player.until("player.dataset.playing === given", "0")
    assert page.title() == "Run of step 12"
    assert page.locator(".rp").get_attribute("aria-label") == "Player of step 12"
    assert errors == []
    context.close()
