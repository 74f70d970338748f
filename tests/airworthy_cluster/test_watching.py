"""Watches tell of every step."""

from __future__ import annotations

import pytest
from cluster_under_test import Cluster, container, pod
from kubernetes import watch
from kubernetes.client import ApiException


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
