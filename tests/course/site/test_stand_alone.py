"""Tests of the page with one run; tests/player/in_browser/test_stand_alone.py opens it in a browser."""

from __future__ import annotations

import base64
import re

from raft_steps.lab import Cluster
from raft_steps.lab.course.site.stand_alone import stand_alone_page
from raft_steps.lab.player.widget import encode_trace
from raft_steps.lab.trace.trace import Trace


def test_page_holds_all_that_it_needs() -> None:
    """The run, the player and the style sheet are in it, and it loads nothing."""
    cluster = Cluster(8, leader="tom")
    cluster.run(5)
    page = stand_alone_page(cluster.trace)
    assert base64.b64encode(encode_trace(cluster.trace)).decode() in page
    assert not re.search(r"""(?:src|href)=|@import|url\(|^import |^export """, page, re.MULTILINE)
    assert page.count("<script") == page.count("</script>") == 2


def test_title_is_text() -> None:
    """A title from a trace is not taken for HTML."""
    page = stand_alone_page(Trace(("tom",), "</title><script>"))
    assert "<title>Run of &lt;/title&gt;&lt;script&gt;</title>" in page
