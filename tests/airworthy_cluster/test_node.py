"""Pods ask for cores, memory and GPUs of the one node, and wait until there is room."""

from __future__ import annotations

import itertools

from cluster_under_test import Cluster, container, eventually, pod


def test_pods_wait_until_there_are_cores_and_run_in_the_order_of_their_arrival(cluster: Cluster) -> None:
    resources = {"requests": {"cpu": "1500m"}}
    first, second, third = (pod(container("import time; time.sleep(0.6)", resources=resources)) for _ in range(3))
    for body in (first, second, third):
        cluster.create(body)
    cluster.until(first, "Running")
    assert [cluster.phase(body) for body in (second, third)] == ["Pending", "Pending"]
    condition = cluster.get(second).status.conditions[0]
    assert (condition.type, condition.status, condition.reason) == ("PodScheduled", "False", "Unschedulable")
    assert "Insufficient cpu (asked for 1.5, free 0.5)" in condition.message
    assert "FailedScheduling" in cluster.events(second)
    ended = [cluster.until(body, "Succeeded") for body in (first, second, third)]
    times = [(found.status.start_time, found.status.container_statuses[0].state.terminated) for found in ended]
    for (_, before), (start, _) in itertools.pairwise(times):
        assert before.finished_at <= start


def test_a_small_pod_need_not_wait_behind_a_large_one(cluster: Cluster) -> None:
    running = pod(container("import time; time.sleep(30)", resources={"requests": {"memory": "1Gi"}}))
    large = pod(container(resources={"requests": {"memory": "1536Mi"}}))
    small = pod(container(resources={"requests": {"memory": "512Mi"}}))
    for body in (running, large, small):
        cluster.create(body)
    cluster.until(small, "Succeeded")
    assert cluster.phase(large) == "Pending"
    cluster.api.delete_namespaced_pod(running["metadata"]["name"], "default", grace_period_seconds=0)
    cluster.until(large, "Succeeded")


def test_gpus_are_handed_out_and_hidden_from_pods_that_did_not_ask(cluster: Cluster) -> None:
    shell = "echo gpus=$CUDA_VISIBLE_DEVICES; sleep 1"
    two, one, none = (
        pod(container(sh=shell, resources={"limits": {"nvidia.com/gpu": str(count)}} if count else {}))
        for count in (2, 1, 0)
    )
    more = pod(container(sh=shell, resources={"limits": {"nvidia.com/gpu": "2"}}))
    for body in (two, one, none, more):
        cluster.create(body)
    eventually(lambda: cluster.get(more).status.conditions)
    assert "Insufficient nvidia.com/gpu (asked for 2, free 0)" in cluster.get(more).status.conditions[0].message
    for body, seen in ((two, "0,1"), (one, "2"), (none, ""), (more, "0,1")):
        cluster.until(body, "Succeeded")
        assert cluster.logs(body) == f"gpus={seen}\n"


def test_a_node_selector_that_the_node_does_not_meet_leaves_the_pod_pending(cluster: Cluster) -> None:
    body = pod(container(), nodeSelector={"accelerator": "tpu"})
    cluster.create(body)
    eventually(lambda: cluster.get(body).status.conditions)
    assert "didn't match Pod's node affinity/selector" in cluster.get(body).status.conditions[0].message
    met = pod(container(), nodeSelector={"accelerator": "nvidia"})
    cluster.finish(met)


def test_the_node_shows_what_pods_may_ask_for(cluster: Cluster) -> None:
    (node,) = cluster.api.list_node().items
    assert node.status.allocatable == {"cpu": "2", "memory": str(2 << 30), "nvidia.com/gpu": "3", "pods": "110"}
