"""The process above a container: its exit code, its output, its memory, and the end of its whole tree."""

from __future__ import annotations

import time

import pytest
from cluster_under_test import Cluster, container, eventually, pod


def test_a_process_tree_that_passes_the_memory_limit_is_oom_killed(cluster: Cluster) -> None:
    # the limit is the tree's: each of the two processes alone stays below it
    code = """
import os, time
os.fork()
block = bytearray(os.urandom(1024)) * (90 * 1024)
print('allocated', flush=True)
time.sleep(60)
"""
    body = pod(container(code, resources={"limits": {"memory": "150Mi"}}))
    ended = cluster.finish(body)
    state = ended.status.container_statuses[0].state.terminated
    assert (ended.status.phase, state.exit_code, state.reason) == ("Failed", 137, "OOMKilled")
    assert "OOMKilling" in cluster.events(body)
    assert cluster.pod_processes() == []


def test_pages_that_a_process_tree_shares_count_once(cluster: Cluster) -> None:
    code = """
import os, time
block = bytearray(os.urandom(1024)) * (90 * 1024)
for _ in range(3): os.fork()
time.sleep(1.5)
"""
    ended = cluster.finish(pod(container(code, resources={"limits": {"memory": "200Mi"}})))
    assert ended.status.phase == "Succeeded"


@pytest.mark.parametrize(
    ("code", "expected"),
    [("exit(3)", 3), ("import os; os.kill(os.getpid(), 15)", 143), ("import os; os.abort()", 134)],
)
def test_a_pod_that_fails_says_with_which_exit_code(cluster: Cluster, code: str, expected: int) -> None:
    ended = cluster.finish(pod(container(code)))
    state = ended.status.container_statuses[0].state.terminated
    assert (ended.status.phase, state.exit_code, state.reason) == ("Failed", expected, "Error")


def test_a_command_that_does_not_exist_is_a_start_error(cluster: Cluster) -> None:
    body = pod({**container(), "command": ["no-such-program"]})
    state = cluster.finish(body).status.container_statuses[0].state.terminated
    assert (state.exit_code, state.reason) == (128, "StartError")
    assert "no-such-program" in cluster.logs(body)


def test_a_very_long_line_comes_back_whole(cluster: Cluster) -> None:
    body = pod(container("import sys; sys.stdout.write('x' * 100_000 + '\\nend')"))
    cluster.finish(body)
    assert cluster.logs(body) == "x" * 100_000 + "\nend"


def test_a_process_that_ignores_sigterm_is_killed_with_all_its_children_when_the_grace_period_is_over(
    cluster: Cluster,
) -> None:
    shell = "trap '' TERM; setsid sleep 61 & (sleep 62 &) ; echo ready; while :; do sleep 0.1; done"
    body = pod(container(sh=shell))
    cluster.create(body)
    cluster.until(body, "Running")
    eventually(lambda: "ready" in cluster.logs(body))
    assert {"sleep 61", "sleep 62"} <= {" ".join(process.cmdline()) for process in cluster.pod_processes()}
    started = time.monotonic()
    cluster.api.delete_namespaced_pod(body["metadata"]["name"], "default", grace_period_seconds=1)
    eventually(lambda: not cluster.api.list_namespaced_pod("default").items)
    assert 0.9 < time.monotonic() - started < 10
    assert cluster.pod_processes() == []


def test_nothing_of_a_container_outlives_its_main_process(cluster: Cluster) -> None:
    body = pod(container(sh="setsid sleep 63 & sleep 0.2; exit 0"))
    assert cluster.finish(body).status.phase == "Succeeded"
    assert cluster.pod_processes() == []


def test_each_pod_is_a_process_group_of_its_own(cluster: Cluster) -> None:
    bodies = [pod(container("import os, time; print(os.getpgrp()); time.sleep(30)")) for _ in range(2)]
    for body in bodies:
        cluster.create(body)
        cluster.until(body, "Running")
    groups = {eventually(lambda body=body: cluster.logs(body).strip()) for body in bodies}
    assert len(groups) == 2
