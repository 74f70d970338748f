"""What a container's process sees: variables, ``$(VAR)``, secrets, config maps, its own folder."""

from __future__ import annotations

import base64
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from cluster_under_test import Cluster, container, pod

from airworthy_cluster.environment import expand


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)-$(B)", "1-$(B)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A}", "$A ${A}"),
        ("$(A", "$(A"),
        ("100%", "100%"),
    ],
)
def test_variables_are_expanded_as_kubernetes_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


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
