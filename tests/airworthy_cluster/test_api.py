"""What the API answers: objects by name and label, and refusals that clients understand."""

from __future__ import annotations

import pytest
from cluster_under_test import Cluster, container, pod
from kubernetes.client import ApiException


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
