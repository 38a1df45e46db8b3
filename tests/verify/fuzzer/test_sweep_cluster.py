"""A sweep on a Dask cluster: the same trials as on one core, and a clear error if there is no cluster."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from raft_steps import step_08_election_timeout_reset as step_08
from raft_steps.lab.errors import ScenarioError
from raft_steps.lab.verify.fuzzer import sweep

distributed = pytest.importorskip("distributed", reason="NO DASK: pip install 'raft-steps[cluster]'")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Yield the address of a scheduler with two workers on this machine."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        yield cluster.scheduler_address


def test_a_cluster_gives_the_same_trials(scheduler: str) -> None:
    """The workers of a cluster find what one process finds, in the order of the seeds."""
    options: dict[str, Any] = {"seeds": 50, "seconds": 3, "smallest": False}

    assert (
        sweep(8, "crashes", **options, workers=1).trials == sweep(8, "crashes", **options, scheduler=scheduler).trials
    )


def test_custom_class_is_sent_to_the_workers(scheduler: str) -> None:
    """A Node class without a file is sent to the workers."""

    class Node(step_08.Node):
        """Step 8's Node as a class that belongs to no step."""

    found = sweep(Node, "calm", seeds=4, seconds=2, scheduler=scheduler)

    assert [trial.seed for trial in found.trials] == [0, 1, 2, 3]
    assert all(trial.elections for trial in found.trials)


def test_no_scheduler_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An address without a scheduler is an error in one sentence."""
    module = sys.modules["raft_steps.lab.verify.fuzzer.sweep"]  # The package has a function of that name.
    monkeypatch.setattr(module, "SCHEDULER_TIMEOUT", "1s")
    with pytest.raises(ScenarioError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        sweep(8, seeds=1, scheduler="tcp://127.0.0.1:9")
