"""A running local cluster for the tests of this folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cluster_under_test import Cluster, eventually
from kubernetes.client.exceptions import NotFoundException


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster with 2 cores, 2 GiB and 3 GPUs for all tests that leave it as it was."""
    home = tmp_path_factory.mktemp("cluster") / "home"
    secret = {"AWS_SECRET_ACCESS_KEY": "of-the-shell", "TZ": "UTC"}
    running = Cluster(home, "--cpu", "2", "--memory", "2Gi", "--gpus", "3", environment=secret)
    yield running
    running.stop()
    assert running.pod_processes() == []


@pytest.fixture(autouse=True)
def _no_pods_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test finds the shared cluster's node empty."""
    yield
    if "cluster" in request.fixturenames:
        running: Cluster = request.getfixturevalue("cluster")
        for pod in running.api.list_pod_for_all_namespaces().items:
            with contextlib.suppress(NotFoundException):  # one that was being deleted already
                running.api.delete_namespaced_pod(pod.metadata.name, pod.metadata.namespace, grace_period_seconds=0)
        eventually(lambda: not running.api.list_pod_for_all_namespaces().items)


@pytest.fixture
def new_cluster(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Starts a cluster of the test's own, and ends it whatever happened."""
    started: list[Cluster] = []

    def start_one(*options: str) -> Cluster:
        started.append(Cluster(tmp_path / "home", *options))
        return started[-1]

    yield start_one
    for running in started:
        if running.process.poll() is None:
            running.stop()
        for process in running.pod_processes():
            process.kill()
