"""Tests of the commands that run real servers: what they refuse. tests/runtime/server runs them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from raft_steps.lab.cli.command import main
from raft_steps.lab.runtime.server import process
from raft_steps.lab.runtime.server.server import ServerOptions

CLUSTER = "tom=127.0.0.1:7001,jerry=127.0.0.1:7002"


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (
            ["serve", "12", "--name", "spike", "--cluster", CLUSTER],
            "the cluster has no server 'spike'; it has tom, jerry",
        ),
        (["serve", "99", "--name", "tom", "--cluster", CLUSTER], "there is no step 99"),
        (["serve", "12", "--name", "tom", "--cluster", "tom=0.0.0.0:7001"], "is not a loopback address"),
        (["serve", "12", "--name", "tom", "--cluster", CLUSTER, "--node", "none.py"], "there is no file none.py"),
        (["serve", "12", "--name", "tom", "--cluster", CLUSTER, "--data", ""], "the name of a folder is empty"),
        (["serve", "12", "--name", "tom", "--cluster", CLUSTER, "--members", "tom"], "which begins with step 17"),
        (["serve", "17", "--name", "tom", "--cluster", CLUSTER, "--members", "spike"], "has no server 'spike'"),
        (["serve", "17", "--name", "tom", "--cluster", CLUSTER, "--members", "tom,tom"], "are different servers"),
        (["cluster", "12", "--members", "2"], "which begins with step 17"),
        (["cluster", "12", "--servers", "0"], "a cluster has 1 to 7 servers, not 0"),
        (["cluster", "12", "--port", "60000"], "ports from 1 to 55535 can be used"),
        (["cluster", "99"], "there is no step 99"),
        (["client", "--cluster", "tom"], "is not a server"),
        (["client", "--cluster", CLUSTER, "set", "x"], "'set x' is not a command"),
    ],
)
def test_wrong_arguments_are_refused(arguments: list[str], reason: str) -> None:
    """Each is one sentence with exit status 2, before anything is started."""
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert reason in result.output


@pytest.mark.parametrize("spec", ["my_raft.py:Node", "my_raft.py", "../here/my_raft.py:Node", "{here}/my_raft.py:Node"])
def test_path_of_a_node_does_not_say_whose_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spec: str) -> None:
    """The same Node by another path has the same folder and the same cluster."""
    here = tmp_path / "here"
    here.mkdir()
    (here / "my_raft.py").write_text("from raft_steps import node\n\n\nclass Node(node(12)):\n    pass\n")
    monkeypatch.chdir(here)
    started: list[ServerOptions] = []
    monkeypatch.setattr(process, "serve", lambda options, _pipe: started.append(options))
    arguments = ["serve", "12", "--name", "tom", "--cluster", CLUSTER, "--node", spec.format(here=here)]
    assert 0 == CliRunner().invoke(main, arguments).exit_code
    assert ["step 12 with my_raft.py:Node"] == [options.step for options in started]
