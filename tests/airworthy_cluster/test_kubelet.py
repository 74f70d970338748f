"""The life of pods, also when the cluster dies and comes back: none is lost, unknown or left behind."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_under_test import Cluster, container, eventually, pod
from kubernetes.client import ApiException

COUNT = "import sys, time\nfor i in range(int(sys.argv[1])): print(i, flush=True); time.sleep(0.1)\nsys.exit(5)"


def test_a_pod_past_its_deadline_is_stopped_and_says_so(cluster: Cluster) -> None:
    body = pod(container("import time; time.sleep(60)"), activeDeadlineSeconds=1)
    started = time.monotonic()
    ended = cluster.finish(body)
    assert time.monotonic() - started < 15
    assert (ended.status.phase, ended.status.reason) == ("Failed", "DeadlineExceeded")
    assert ended.status.container_statuses[0].state.terminated.exit_code == 143


def test_a_pod_that_outlives_the_cluster_is_adopted_with_its_whole_log_and_exit_code(
    new_cluster: Callable[..., Cluster],
) -> None:
    cluster = new_cluster()
    body = pod(container(COUNT, args=["30"]))
    cluster.create(body)
    uid = cluster.until(body, "Running").metadata.uid
    token = (cluster.home / "token").read_text()
    cluster.kill()
    eventually(lambda: len(cluster.pod_processes()) == 2)  # the runner and the container
    log = cluster.home / "pods" / uid / "logs" / "base.0.log"
    written = log.stat().st_size
    eventually(lambda: log.stat().st_size > written)  # it goes on without the cluster
    cluster.start()
    assert "Adopted" in cluster.events(body)
    assert "still ran when the cluster came back" in cluster.log.read_text()
    assert (cluster.home / "token").read_text() == token
    ended = cluster.until(body, "Failed")
    assert ended.status.container_statuses[0].state.terminated.exit_code == 5
    assert cluster.logs(body).split() == [str(number) for number in range(30)]


def test_the_exit_code_of_a_pod_that_ended_while_the_cluster_was_away_is_known(
    new_cluster: Callable[..., Cluster],
) -> None:
    cluster = new_cluster()
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


def test_a_pod_whose_processes_were_killed_too_is_reported_as_lost(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
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


def test_a_pid_that_belongs_to_somebody_else_by_now_is_left_alone(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
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


def test_a_clean_end_terminates_every_pod_and_leaves_no_process(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster("--grace", "1")
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


def test_deletion_goes_on_after_a_crash(new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster()
    body = pod(container(sh="trap '' TERM; while :; do sleep 0.1; done"))
    cluster.create(body)
    cluster.until(body, "Running")
    cluster.api.delete_namespaced_pod(body["metadata"]["name"], "default", grace_period_seconds=2)
    cluster.kill()
    cluster.start()
    eventually(lambda: not cluster.api.list_namespaced_pod("default").items)
    assert cluster.pod_processes() == []


def test_a_pod_that_ends_well_has_succeeded_with_its_log_and_times(cluster: Cluster) -> None:
    body = pod(container("print('hello'); print('bye')"))
    ended = cluster.finish(body)
    state = ended.status.container_statuses[0].state.terminated
    assert (ended.status.phase, state.exit_code, state.reason) == ("Succeeded", 0, "Completed")
    assert state.started_at <= state.finished_at
    assert cluster.logs(body) == "hello\nbye\n"
    assert cluster.events(body) == ["Scheduled", "Started"]


def test_init_containers_run_in_order_before_the_others_and_share_volumes_with_them(
    cluster: Cluster, tmp_path: Path
) -> None:
    mounts = [{"name": "work", "mountPath": "/work"}, {"name": "data-in", "mountPath": "/in", "subPath": "sub"}]
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_text("from the host")
    body = pod(
        container(
            sh="cat $AIRWORTHY_MOUNT_WORK/log; cat $0/file", args=["$(AIRWORTHY_MOUNT_DATA_IN)"], volumeMounts=mounts
        ),
        initContainers=[
            container(sh="sleep 0.3; echo one >> $AIRWORTHY_MOUNT_WORK/log", name="one", volumeMounts=mounts),
            container(sh="echo two >> $AIRWORTHY_MOUNT_WORK/log", name="two", volumeMounts=mounts),
        ],
        volumes=[
            {"name": "work", "emptyDir": {}},
            {"name": "data-in", "hostPath": {"path": str(tmp_path), "type": "Directory"}},
        ],
    )
    ended = cluster.finish(body)
    assert cluster.logs(body, container="base") == "one\ntwo\nfrom the host"
    assert [status.name for status in ended.status.init_container_statuses] == ["one", "two"]


def test_a_failing_init_container_fails_the_pod_and_nothing_else_starts(cluster: Cluster) -> None:
    body = pod(container(sh="echo started"), initContainers=[container(sh="exit 4", name="init")])
    ended = cluster.finish(body)
    assert ended.status.phase == "Failed"
    assert ended.status.init_container_statuses[0].state.terminated.exit_code == 4
    assert [status.name for status in ended.status.container_statuses] == ["base"]
    assert ended.status.container_statuses[0].state.waiting.reason == "PodInitializing"
    with pytest.raises(ApiException) as refused:
        cluster.logs(body, container="base")
    assert refused.value.status == 400


def test_a_pod_has_ended_when_all_its_containers_have(cluster: Cluster) -> None:
    body = pod(container(sh="echo a"), container(sh="sleep 0.5; echo b; exit 1", name="other"))
    ended = cluster.finish(body)
    assert ended.status.phase == "Failed"
    assert {status.name: status.state.terminated.exit_code for status in ended.status.container_statuses} == {
        "base": 0,
        "other": 1,
    }
    assert cluster.logs(body, container="other") == "b\n"


def test_delete_gives_a_process_its_grace_period_to_end(cluster: Cluster) -> None:
    code = """
import signal, sys, time
def end(*_): print('cleaning up', flush=True); time.sleep(0.3); print('done', flush=True); sys.exit(0)
signal.signal(signal.SIGTERM, end)
print('ready', flush=True)
time.sleep(60)
"""
    body = pod(container(code))
    cluster.create(body)
    cluster.until(body, "Running")
    eventually(lambda: "ready" in cluster.logs(body))
    cluster.api.delete_namespaced_pod(body["metadata"]["name"], "default", grace_period_seconds=20)
    assert cluster.get(body).metadata.deletion_timestamp is not None
    assert cluster.logs(body, follow=True).splitlines() == ["ready", "cleaning up", "done"]
    eventually(lambda: not cluster.api.list_namespaced_pod("default").items)
    assert "Killing" in cluster.events(body)
