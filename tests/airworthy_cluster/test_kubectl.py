"""A stock kubectl feels at home."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster_under_test import PATIENCE, Cluster, container, pod

pytestmark = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl is not installed; `make setup` does it"
)


def _applied(cluster: Cluster, folder: Path, body: dict[str, Any]) -> str:
    path = folder / "pod.yaml"
    path.write_text(yaml.safe_dump(body))
    return cluster.kubectl("apply", "-f", str(path))


def test_apply_creates_a_pod_once_and_then_leaves_it_unchanged(cluster: Cluster, tmp_path: Path) -> None:
    body = pod(container(sh="sleep 30"), name="applied")
    assert _applied(cluster, tmp_path, body) == "pod/applied created\n"
    assert _applied(cluster, tmp_path, body) == "pod/applied unchanged\n"
    body["metadata"]["labels"] = {"new": "label"}
    assert _applied(cluster, tmp_path, body) == "pod/applied configured\n"
    assert cluster.get(body).metadata.labels == {"new": "label"}


def test_apply_of_a_pod_that_cannot_run_here_says_why(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(yaml.safe_dump(pod(container(), hostNetwork=True, name="refused")))
    answer = cluster.kubectl("apply", "-f", str(path), check=False)
    assert 'Pod "refused" is invalid: spec.hostNetwork' in answer


def test_get_shows_pods_as_tables_and_whole(cluster: Cluster) -> None:
    good, bad = pod(container(sh="exit 0"), name="good"), pod(container(sh="exit 3"), name="bad")
    cluster.finish(good)
    cluster.finish(bad)
    header, *rows = [line.split() for line in cluster.kubectl("get", "pods").splitlines()]
    assert header == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert [row[:4] for row in rows] == [["bad", "0/1", "Error", "0"], ["good", "0/1", "Completed", "0"]]
    wide = cluster.kubectl("get", "pods", "-o", "wide").splitlines()
    assert wide[0].split()[5:7] == ["IP", "NODE"]
    assert wide[1].split()[5:7] == ["127.0.0.1", "airworthy"]
    shown = yaml.safe_load(cluster.kubectl("get", "pod", "bad", "-o", "yaml"))
    assert shown["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3
    selected = json.loads(cluster.kubectl("get", "po", "-A", "--field-selector", "status.phase=Failed", "-o", "json"))
    assert [item["metadata"]["name"] for item in selected["items"]] == ["bad"]


def test_get_watch_prints_every_step(cluster: Cluster) -> None:
    watching = subprocess.Popen(
        cluster.kubectl_command("get", "pods", "--watch"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert watching.stdout is not None
    try:
        cluster.finish(pod(container(sh="sleep 0.3"), name="watched"))
        lines = []
        while not lines or "Completed" not in lines[-1]:
            lines.append(watching.stdout.readline())
    finally:
        watching.terminate()
        watching.wait()
    assert sum("NAME" in line for line in lines) == 1
    assert [line.split()[2] for line in lines[1:]][-2:] == ["Running", "Completed"]


def test_logs_follow_to_the_end(cluster: Cluster) -> None:
    body = pod(container("import time\nfor i in range(3): print(i, flush=True); time.sleep(0.2)"), name="talks")
    cluster.create(body)
    cluster.until(body, "Running", "Succeeded")
    assert cluster.kubectl("logs", "-f", "talks") == "0\n1\n2\n"
    stamped = cluster.kubectl("logs", "talks", "--timestamps", "--tail=1")
    assert re.match(r"^\d{4}-\d\d-\d\dT[\d:.]+Z 2\n$", stamped)


def test_describe_and_events_tell_the_pod_s_story(cluster: Cluster) -> None:
    body = pod(container(sh="exit 3", resources={"requests": {"cpu": "100m"}}), name="told")
    cluster.finish(body)
    told = cluster.kubectl("describe", "pod", "told")
    for line in (
        r"Status:\s+Failed",
        r"Exit Code:\s+3",
        r"cpu:\s+100m",
        r"Scheduled .* Successfully assigned default/told",
    ):
        assert re.search(line, told), told
    assert re.search(r"Warning +Failed +pod/told +container base: exit code 3", cluster.kubectl("get", "events"))
    node = cluster.kubectl("describe", "node")
    assert "nvidia.com/gpu:  3" in node


def test_delete_waits_until_the_pod_is_gone(cluster: Cluster) -> None:
    body = pod(container(sh="sleep 60"), name="doomed")
    cluster.create(body)
    cluster.until(body, "Running")
    assert "deleted" in cluster.kubectl("delete", "pod", "doomed")
    assert "NotFound" in cluster.kubectl("get", "pod", "doomed", check=False)
    assert cluster.pod_processes() == []


def test_nodes_namespaces_secrets_and_config_maps(cluster: Cluster, tmp_path: Path) -> None:
    assert re.search(r"^airworthy +Ready", cluster.kubectl("get", "nodes", "-o", "wide"), re.MULTILINE)
    for kind, name, fields in (
        ("Namespace", "team", {}),
        ("Secret", "key", {"stringData": {"a": "b"}}),
        ("ConfigMap", "conf", {"data": {"a": "b"}}),
    ):
        metadata = {"name": name} if kind == "Namespace" else {"name": name, "namespace": "team"}
        _applied(cluster, tmp_path, {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields})
    assert re.search(r"^team +Active", cluster.kubectl("get", "ns"), re.MULTILINE)
    assert re.search(r"^key +Opaque +1 ", cluster.kubectl("-n", "team", "get", "secrets"), re.MULTILINE)
    assert re.search(r"^conf +1 ", cluster.kubectl("-n", "team", "get", "cm"), re.MULTILINE)
    assert "deleted" in cluster.kubectl("-n", "team", "delete", "secret/key", "cm/conf")


def test_server_side_apply_is_refused_with_what_to_do_instead(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "pod.yaml"
    path.write_text(yaml.safe_dump(pod(container(), name="served")))
    assert "without --server-side" in cluster.kubectl("apply", "--server-side", "-f", str(path), check=False)


def test_exec_is_refused_with_a_reason(cluster: Cluster) -> None:
    body = pod(container(sh="sleep 30"), name="closed")
    cluster.create(body)
    cluster.until(body, "Running")
    done = subprocess.run(
        cluster.kubectl_command("exec", "closed", "--", "true"), capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode != 0
    assert "local cluster" in done.stderr
