"""One container's steps: it waits for what it needs, ends, and perhaps runs again."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from cluster_under_test import Cluster, container, eventually, pod


def test_when_only_the_runner_is_killed_its_container_ends_too_and_the_pod_has_failed(
    new_cluster: Callable[..., Cluster],
) -> None:
    cluster = new_cluster()
    body = pod(container(sh="setsid sleep 64 & sleep 65"))
    cluster.create(body)
    cluster.until(body, "Running")
    eventually(lambda: len(cluster.pod_processes()) == 4)
    runner = next(process for process in cluster.pod_processes() if "runner.py" in " ".join(process.cmdline()))
    os.kill(runner.pid, signal.SIGKILL)
    assert cluster.until(body, "Failed").status.container_statuses[0].state.terminated.exit_code == 137
    eventually(lambda: not cluster.pod_processes())


def test_a_failing_pod_can_give_the_end_of_its_log_as_its_message(cluster: Cluster) -> None:
    body = pod(container(sh="echo why; exit 3", terminationMessagePolicy="FallbackToLogsOnError"))
    assert cluster.finish(body).status.container_statuses[0].state.terminated.message == "why\n"


def test_a_pod_waits_for_a_secret_that_is_not_there_yet(cluster: Cluster) -> None:
    source = {"secretKeyRef": {"name": "late", "key": "k"}}
    body = pod(container(sh="echo $K", env=[{"name": "K", "valueFrom": source}]))
    cluster.create(body)
    waiting = eventually(lambda: cluster.get(body).status.container_statuses)[0].state.waiting
    assert waiting.reason == "CreateContainerConfigError"
    assert 'secret "late" not found' in waiting.message
    cluster.api.create_namespaced_secret("default", {"metadata": {"name": "late"}, "stringData": {"k": "here"}})
    assert cluster.until(body, "Succeeded", "Failed").status.phase == "Succeeded"
    assert cluster.logs(body) == "here\n"
    cluster.api.delete_namespaced_secret("late", "default")


def test_on_failure_restarts_a_container_until_it_ends_well(cluster: Cluster) -> None:
    body = pod(container(sh="test -e again || { touch again; echo first; exit 1; }; echo second"))
    body["spec"]["restartPolicy"] = "OnFailure"
    ended = cluster.finish(body)
    status = ended.status.container_statuses[0]
    assert (ended.status.phase, status.restart_count) == ("Succeeded", 1)
    assert status.last_state.terminated.exit_code == 1
    assert cluster.logs(body) == "second\n"
    assert cluster.logs(body, previous=True) == "first\n"
