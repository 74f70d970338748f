"""The command: where it listens, and that there is one cluster for each home."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import psutil
from cluster_under_test import Cluster


def test_it_listens_on_loopback_only(cluster: Cluster) -> None:
    listening = [
        found.laddr.ip for found in psutil.Process(cluster.process.pid).net_connections() if found.status == "LISTEN"
    ]
    assert listening == ["127.0.0.1"]


def test_a_second_cluster_on_the_same_home_is_told_who_is_there(new_cluster: Callable[..., Cluster]) -> None:
    running = new_cluster()
    again = subprocess.run(
        [running.process.args[0], "-m", "airworthy_cluster", "--home", str(running.home)],  # type: ignore[index]
        capture_output=True,
        text=True,
    )
    assert again.returncode == 2
    assert f"pid {running.process.pid}" in again.stderr
    assert running.healthy()
