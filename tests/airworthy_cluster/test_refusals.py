"""What the cluster does not do, it refuses, and says why."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from ssl import create_default_context
from typing import Any

import psutil
import pytest
from cluster_under_test import Cluster, container, pod
from kubernetes.client import ApiException


def _with(**fields: Any) -> dict[str, Any]:
    return pod({**container(), **fields})


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        (pod(container(), volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]), "spec.volumes[0]",
         "persistentVolumeClaim"),
        (pod(container(), hostNetwork=True), "spec.hostNetwork", "network"),
        (_with(securityContext={"privileged": True}), "spec.containers[0].securityContext.privileged", "leave it out"),
        (_with(securityContext={"runAsUser": os.getuid() + 1}), "spec.containers[0].securityContext.runAsUser",
         "runs as"),
        (_with(readinessProbe={"httpGet": {"port": 80}}), "spec.containers[0].readinessProbe", "probes"),
        (_with(command=None), "spec.containers[0].command", "image is not run"),
        (_with(colour="green"), "spec.containers[0].colour", "not known"),
        (_with(resources={"requests": {"cpu": "lots"}}), "spec.containers[0].resources.requests.cpu", "quantity"),
        (_with(command="python"), "spec.containers[0].command", "list of texts"),
        (_with(env=[{"value": "nameless"}]), "spec", "not shaped like a pod"),
        (_with(name="../../escape"), "spec.containers[0].name", "lower case"),
        (pod(container(volumeMounts=[{"name": "v", "mountPath": "/v", "subPath": "../up"}]),
             volumes=[{"name": "v", "emptyDir": {}}]), "spec.containers[0].volumeMounts[0].subPath",
         "inside the volume"),
        (pod(container(volumeMounts=[{"name": "v", "mountPath": "/v", "readOnly": True}]),
             volumes=[{"name": "v", "hostPath": {"path": "/tmp"}}]), "spec.containers[0].volumeMounts[0].readOnly",
         "kept from writing"),
        (_with(volumeMounts=[{"name": "w", "mountPath": "/w"}]), "spec.containers[0].volumeMounts[0].name",
         "no volume"),
        (pod(container(), container(name="airflow-xcom-sidecar")), "spec.containers[1]", "do_xcom_push=False"),
        (pod(container(), restartPolicy="Sometimes"), "spec.restartPolicy", "OnFailure"),
        (pod(), "spec.containers", "at least one"),
        (pod(container(), name="Not_A_Name"), "metadata.name", "lower case"),
    ],
)  # fmt: skip
def test_what_a_process_cannot_honour_is_a_422_that_names_the_field(
    cluster: Cluster, body: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(ApiException) as refused:
        cluster.create(body)
    status = json.loads(refused.value.body)
    assert (refused.value.status, status["reason"]) == (422, "Invalid")
    causes = {cause["field"]: cause["message"] for cause in status["details"]["causes"]}
    assert words in causes[field]


def test_all_faults_of_a_pod_are_named_at_once(cluster: Cluster) -> None:
    with pytest.raises(ApiException) as refused:
        cluster.create(pod({**container(), "tty": True, "livenessProbe": {"exec": {}}}, hostPID=True))
    assert len(json.loads(refused.value.body)["details"]["causes"]) == 3


@pytest.mark.parametrize(("key", "value"), [("../../escape", "YQ=="), ("..", "YQ=="), ("a", "not base64!")])
def test_a_secret_s_keys_are_file_names_and_its_values_base64(cluster: Cluster, key: str, value: str) -> None:
    with pytest.raises(ApiException) as refused:
        cluster.api.create_namespaced_secret("default", {"metadata": {"name": "bad"}, "data": {key: value}})
    assert refused.value.status == 422


def test_a_name_that_is_taken_is_a_409_and_an_unknown_one_a_404(cluster: Cluster) -> None:
    body = pod(container())
    cluster.create(body)
    with pytest.raises(ApiException) as taken:
        cluster.create(body)
    with pytest.raises(ApiException) as unknown:
        cluster.api.read_namespaced_pod("nobody", "default")
    with pytest.raises(ApiException) as nowhere:
        cluster.create(pod(container(), metadata={"namespace": "nowhere"}))
    assert [found.value.status for found in (taken, unknown, nowhere)] == [409, 404, 404]


def test_a_log_that_is_not_there_yet_is_a_400(cluster: Cluster) -> None:
    body = pod(container(resources={"requests": {"cpu": "99"}}))
    cluster.create(body)
    with pytest.raises(ApiException) as refused:
        cluster.logs(body)
    assert refused.value.status == 400
    assert "waiting to start" in refused.value.body


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic YTpi"])
def test_nobody_without_the_token_may_ask_for_anything(cluster: Cluster, header: str | None) -> None:
    context = create_default_context(cafile=str(cluster.home / "ca.crt"))
    for path in ("/version", "/api/v1/pods", "/api/v1/namespaces/default/secrets"):
        request = urllib.request.Request(cluster.url + path, headers={"Authorization": header} if header else {})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, context=context)
        assert refused.value.code == 401


def test_token_key_and_kubeconfig_are_for_their_owner_only(cluster: Cluster) -> None:
    for name in ("token", "tls.key", "kubeconfig"):
        assert stat.S_IMODE((cluster.home / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(cluster.home.stat().st_mode) == 0o700


def test_it_listens_on_loopback_only(cluster: Cluster) -> None:
    listening = [
        found.laddr.ip for found in psutil.Process(cluster.process.pid).net_connections() if found.status == "LISTEN"
    ]
    assert listening == ["127.0.0.1"]


def test_a_second_cluster_on_the_same_home_is_told_who_is_there(start: Callable[..., Cluster]) -> None:
    running = start()
    again = subprocess.run(
        [running.process.args[0], "-m", "airworthy_cluster", "--home", str(running.home)],  # type: ignore[index]
        capture_output=True,
        text=True,
    )
    assert again.returncode == 2
    assert f"pid {running.process.pid}" in again.stderr
    assert running.healthy()
