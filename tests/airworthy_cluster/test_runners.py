"""What a cluster that is gone has left is found and ended."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import psutil
from cluster_under_test import Cluster, container, eventually, pod


def test_sweep_kills_what_a_cluster_that_is_gone_has_left(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    body = pod(container("import time; time.sleep(60)"))
    cluster.create(body)
    cluster.until(body, "Running")
    eventually(lambda: len(cluster.pod_processes()) == 2)  # the runner and the container
    cluster.kill()
    command = [sys.executable, "-m", "airworthy_cluster", "--home", str(cluster.home), "--sweep"]
    swept = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "killed 2 processes" in swept.stdout
    assert not [process for process in cluster.pod_processes() if process.status() != psutil.STATUS_ZOMBIE]
