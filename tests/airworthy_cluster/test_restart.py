"""The cluster dies, and comes back: no pod is lost, none is unknown, none is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
from cluster_under_test import Cluster, container, eventually, pod

COUNT = "import sys, time\nfor i in range(int(sys.argv[1])): print(i, flush=True); time.sleep(0.1)\nsys.exit(5)"


def test_a_pod_that_outlives_the_cluster_is_adopted_with_its_whole_log_and_exit_code(
    start: Callable[..., Cluster],
) -> None:
    cluster = start()
    body = pod(container(COUNT, args=["30"]))
    cluster.create(body)
    cluster.until(body, "Running")
    token = (cluster.home / "token").read_text()
    cluster.kill()
    eventually(lambda: len(cluster.pod_processes()) == 2)  # the runner and the container
    time.sleep(0.5)
    cluster.start()
    assert "Adopted" in cluster.events(body)
    assert "still ran when the cluster came back" in cluster.log.read_text()
    assert (cluster.home / "token").read_text() == token
    ended = cluster.until(body, "Failed")
    assert ended.status.container_statuses[0].state.terminated.exit_code == 5
    assert cluster.logs(body).split() == [str(number) for number in range(30)]


def test_the_exit_code_of_a_pod_that_ended_while_the_cluster_was_away_is_known(start: Callable[..., Cluster]) -> None:
    cluster = start()
    body = pod(container(COUNT, args=["3"]))
    waiting = pod(container(resources={"requests": {"cpu": "999"}}))
    cluster.create(body)
    cluster.create(waiting)
    cluster.until(body, "Running")
    cluster.kill()
    eventually(lambda: not cluster.pod_processes())
    cluster.start()
    assert cluster.until(body, "Failed").status.container_statuses[0].state.terminated.exit_code == 5
    assert "Recovered" in cluster.events(body)
    assert cluster.logs(body).split() == ["0", "1", "2"]
    assert cluster.phase(waiting) == "Pending"


def test_a_pod_whose_processes_were_killed_too_is_reported_as_lost(start: Callable[..., Cluster]) -> None:
    cluster = start()
    body = pod(container("import time; time.sleep(60)"))
    cluster.create(body)
    cluster.until(body, "Running")
    cluster.kill()
    for process in cluster.pod_processes():
        process.kill()
    cluster.start()
    ended = cluster.until(body, "Failed")
    state = ended.status.container_statuses[0].state.terminated
    assert (state.exit_code, state.reason) == (137, "ContainerStatusUnknown")
    assert "Lost" in cluster.events(body)


def test_a_pid_that_belongs_to_somebody_else_by_now_is_left_alone(start: Callable[..., Cluster]) -> None:
    cluster = start()
    body = pod(container("import time; time.sleep(60)"))
    cluster.create(body)
    uid = cluster.until(body, "Running").metadata.uid
    cluster.kill()
    for process in cluster.pod_processes():
        process.kill()
    record = cluster.home / "pods" / uid / "runs.json"
    runs = json.loads(record.read_text())
    runs["containers"][0]["process"]["pid"] = os.getpid()
    record.write_text(json.dumps(runs))
    cluster.start()
    assert (
        cluster.until(body, "Failed").status.container_statuses[0].state.terminated.reason == "ContainerStatusUnknown"
    )


def test_when_only_the_runner_is_killed_its_container_ends_too_and_the_pod_has_failed(
    start: Callable[..., Cluster],
) -> None:
    cluster = start()
    body = pod(container(sh="setsid sleep 64 & sleep 65"))
    cluster.create(body)
    cluster.until(body, "Running")
    eventually(lambda: len(cluster.pod_processes()) == 4)
    runner = next(process for process in cluster.pod_processes() if "runner.py" in " ".join(process.cmdline()))
    os.kill(runner.pid, signal.SIGKILL)
    assert cluster.until(body, "Failed").status.container_statuses[0].state.terminated.exit_code == 137
    eventually(lambda: not cluster.pod_processes())


def test_a_clean_end_terminates_every_pod_and_leaves_no_process(start: Callable[..., Cluster]) -> None:
    cluster = start("--grace", "1")
    polite = pod(container("import time; time.sleep(60)"))
    stubborn = pod(container(sh="trap '' TERM; setsid sleep 66 & while :; do sleep 0.1; done"))
    for body in (polite, stubborn):
        cluster.create(body)
        cluster.until(body, "Running")
    command = cluster.kubectl_command("get", "pods", "--watch")
    with subprocess.Popen(command, stdout=subprocess.PIPE) as watching:
        eventually(lambda: watching.stdout and watching.stdout.readline())
        cluster.stop()  # also with a client that would watch for ever
        watching.terminate()
    assert cluster.process.returncode == 0
    assert cluster.pod_processes() == []
    cluster.start()
    assert [cluster.get(body).status.reason for body in (polite, stubborn)] == ["Terminated", "Terminated"]
    assert [cluster.phase(body) for body in (polite, stubborn)] == ["Failed", "Failed"]


def test_deletion_goes_on_after_a_crash(start: Callable[..., Cluster]) -> None:
    cluster = start()
    body = pod(container(sh="trap '' TERM; while :; do sleep 0.1; done"))
    cluster.create(body)
    cluster.until(body, "Running")
    cluster.api.delete_namespaced_pod(body["metadata"]["name"], "default", grace_period_seconds=2)
    cluster.kill()
    cluster.start()
    eventually(lambda: not cluster.api.list_namespaced_pod("default").items)
    assert cluster.pod_processes() == []


def test_sweep_kills_what_a_cluster_that_is_gone_has_left(start: Callable[..., Cluster]) -> None:
    cluster = start()
    body = pod(container("import time; time.sleep(60)"))
    cluster.create(body)
    cluster.until(body, "Running")
    eventually(lambda: len(cluster.pod_processes()) == 2)  # the runner and the container
    cluster.kill()
    command = [sys.executable, "-m", "airworthy_cluster", "--home", str(cluster.home), "--sweep"]
    swept = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "killed 2 processes" in swept.stdout
    assert not [process for process in cluster.pod_processes() if process.status() != psutil.STATUS_ZOMBIE]
