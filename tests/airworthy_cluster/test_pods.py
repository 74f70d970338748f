"""The life of pods, seen through the real Python client."""

from __future__ import annotations

import base64
import re
import stat
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from cluster_under_test import Cluster, container, eventually, pod
from kubernetes import watch
from kubernetes.client import ApiException


def test_a_pod_that_ends_well_has_succeeded_with_its_log_and_times(cluster: Cluster) -> None:
    body = pod(container("print('hello'); print('bye')"))
    ended = cluster.finish(body)
    state = ended.status.container_statuses[0].state.terminated
    assert (ended.status.phase, state.exit_code, state.reason) == ("Succeeded", 0, "Completed")
    assert state.started_at <= state.finished_at
    assert cluster.logs(body) == "hello\nbye\n"
    assert cluster.events(body) == ["Scheduled", "Started"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [("exit(3)", 3), ("import os; os.kill(os.getpid(), 15)", 143), ("import os; os.abort()", 134)],
)
def test_a_pod_that_fails_says_with_which_exit_code(cluster: Cluster, code: str, expected: int) -> None:
    ended = cluster.finish(pod(container(code)))
    state = ended.status.container_statuses[0].state.terminated
    assert (ended.status.phase, state.exit_code, state.reason) == ("Failed", expected, "Error")


def test_a_failing_pod_can_give_the_end_of_its_log_as_its_message(cluster: Cluster) -> None:
    body = pod(container(sh="echo why; exit 3", terminationMessagePolicy="FallbackToLogsOnError"))
    assert cluster.finish(body).status.container_statuses[0].state.terminated.message == "why\n"


def test_a_command_that_does_not_exist_is_a_start_error(cluster: Cluster) -> None:
    body = pod({**container(), "command": ["no-such-program"]})
    state = cluster.finish(body).status.container_statuses[0].state.terminated
    assert (state.exit_code, state.reason) == (128, "StartError")
    assert "no-such-program" in cluster.logs(body)


def test_the_process_sees_its_python_its_folder_and_nothing_of_the_shell_around_the_cluster(cluster: Cluster) -> None:
    code = "import os, sys; print(sys.executable); print(os.getcwd() == os.environ['HOME']); print(sorted(os.environ))"
    body = pod(container(code))
    cluster.finish(body)
    python, at_home, names = cluster.logs(body).splitlines()
    assert Path(python).parent == Path(sys.executable).parent
    assert at_home == "True"
    assert "TZ" in names and "PYTHONPATH" in names
    assert "AWS_SECRET_ACCESS_KEY" not in names


def test_variables_come_from_values_secrets_config_maps_and_the_pod_itself(cluster: Cluster) -> None:
    cluster.api.create_namespaced_secret("default", {"metadata": {"name": "key"}, "stringData": {"password": "s3cret"}})
    cluster.api.create_namespaced_config_map("default", {"metadata": {"name": "conf"}, "data": {"A": "1", "B": "2"}})
    env: list[dict[str, Any]] = [
        {"name": "WHO", "value": "world"},
        {"name": "GREETING", "value": "hello $(WHO) $(UNKNOWN) $$(WHO)"},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "key", "key": "password"}}},
        {"name": "B_AGAIN", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "B"}}},
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "MISSING", "valueFrom": {"secretKeyRef": {"name": "no", "key": "no", "optional": True}}},
    ]
    sources = [{"configMapRef": {"name": "conf"}, "prefix": "C_"}]
    shell = 'echo "$GREETING|$PASSWORD|$B_AGAIN|$NAME|${MISSING-unset}|$C_A$C_B|$0"'
    body = pod(container(sh=shell, args=["$(PASSWORD)"], env=env, envFrom=sources))
    cluster.finish(body)
    name = body["metadata"]["name"]
    assert cluster.logs(body).strip() == f"hello world $(UNKNOWN) $(WHO)|s3cret|2|{name}|unset|12|s3cret"
    files = list((cluster.home / "objects" / "secrets").rglob("*.json"))
    assert files and all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    assert base64.b64decode(cluster.api.read_namespaced_secret("key", "default").data["password"]) == b"s3cret"
    cluster.api.delete_namespaced_secret("key", "default")
    cluster.api.delete_namespaced_config_map("conf", "default")


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


def test_on_failure_restarts_a_container_until_it_ends_well(cluster: Cluster) -> None:
    body = pod(container(sh="test -e again || { touch again; echo first; exit 1; }; echo second"))
    body["spec"]["restartPolicy"] = "OnFailure"
    ended = cluster.finish(body)
    status = ended.status.container_statuses[0]
    assert (ended.status.phase, status.restart_count) == ("Succeeded", 1)
    assert status.last_state.terminated.exit_code == 1
    assert cluster.logs(body) == "second\n"
    assert cluster.logs(body, previous=True) == "first\n"


def test_secret_and_config_map_volumes_are_folders_of_files(cluster: Cluster) -> None:
    cluster.api.create_namespaced_secret("default", {"metadata": {"name": "files"}, "data": {"k": "AP/+"}})
    body = pod(
        container(
            "import os, pathlib; print((pathlib.Path(os.environ['AIRWORTHY_MOUNT_KEYS']) / 'k').read_bytes())",
            volumeMounts=[{"name": "keys", "mountPath": "/keys", "readOnly": True}],
        ),
        volumes=[{"name": "keys", "secret": {"secretName": "files"}}],
    )
    cluster.finish(body)
    assert cluster.logs(body) == "b'\\x00\\xff\\xfe'\n"
    cluster.api.delete_namespaced_secret("files", "default")


def test_the_log_can_be_followed_stamped_and_cut(cluster: Cluster) -> None:
    body = pod(container("import time\nfor i in range(3): print(i, flush=True); time.sleep(0.3)"))
    cluster.create(body)
    cluster.until(body, "Running")
    followed = cluster.logs(body, follow=True, timestamps=True).splitlines()
    assert [line.split(" ", 1)[1] for line in followed] == ["0", "1", "2"]
    assert all(re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z ", line) for line in followed)
    assert cluster.phase(body) in ("Running", "Succeeded")
    assert cluster.logs(body, tail_lines=1) == "2\n"
    assert cluster.logs(body, limit_bytes=3) == "0\n1"
    time.sleep(1.5)
    assert cluster.logs(body, since_seconds=1) == ""
    assert cluster.logs(body, since_seconds=60) == "0\n1\n2\n"


def test_a_very_long_line_comes_back_whole(cluster: Cluster) -> None:
    body = pod(container("import sys; sys.stdout.write('x' * 100_000 + '\\nend')"))
    cluster.finish(body)
    assert cluster.logs(body) == "x" * 100_000 + "\nend"


def test_labels_select_pods_and_can_be_patched(cluster: Cluster) -> None:
    body = pod(container(), metadata={"labels": {"app": "a", "tier": "one"}})
    other = pod(container(), metadata={"labels": {"app": "b"}})
    cluster.create(body)
    cluster.create(other)
    name, otherwise = body["metadata"]["name"], other["metadata"]["name"]

    def selected(**selectors: str) -> set[str]:
        return {found.metadata.name for found in cluster.api.list_namespaced_pod("default", **selectors).items}

    assert selected(label_selector="app=a,tier!=two") == {name}
    assert selected(label_selector="app in (a, b),!tier") == {otherwise}
    assert selected(label_selector="app notin (b),tier") == {name}
    assert selected(field_selector=f"metadata.name={otherwise}") == {otherwise}
    cluster.api.patch_namespaced_pod(
        name, "default", {"metadata": {"labels": {"already_checked": "True", "tier": None}}}
    )
    assert selected(label_selector="already_checked!=True") == {otherwise}
    assert cluster.get(body).metadata.labels == {"app": "a", "already_checked": "True"}
    with pytest.raises(ApiException) as refused:
        cluster.api.patch_namespaced_pod(name, "default", {"spec": {"activeDeadlineSeconds": 1}})
    assert refused.value.status == 422


def test_a_watch_tells_of_every_step_and_continues_where_it_was_left(cluster: Cluster) -> None:
    body = pod(container(sh="sleep 0.2"))
    name = body["metadata"]["name"]
    before = cluster.api.list_namespaced_pod("default").metadata.resource_version
    cluster.finish(body)
    cluster.api.delete_namespaced_pod(name, "default")
    seen = [
        (event["type"], event["object"].status.phase)
        for event in watch.Watch().stream(
            cluster.api.list_namespaced_pod,
            "default",
            resource_version=before,
            field_selector=f"metadata.name={name}",
            timeout_seconds=1,
        )
    ]
    assert seen[0] == ("ADDED", "Pending")
    assert ("MODIFIED", "Running") in seen
    assert seen[-1] == ("DELETED", "Succeeded")


def test_a_watch_from_too_long_ago_is_told_to_list_again(cluster: Cluster) -> None:
    with pytest.raises(ApiException) as refused:
        next(watch.Watch().stream(cluster.api.list_namespaced_pod, "default", resource_version="5", timeout_seconds=1))
    assert refused.value.status == 410


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
