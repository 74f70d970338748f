"""The one node: what it has, what is free of it, and whether a pod fits."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psutil

from airworthy_cluster import quantities
from airworthy_cluster.store import Obj, timestamp

NAME = "airworthy"
VERSION = "v1.32.0+airworthy"
MAX_PODS = 110


@dataclass(frozen=True)
class Capacity:
    """What pods may have together: cores, bytes, devices."""

    cpu: Decimal
    memory: Decimal
    gpus: int

    @classmethod
    def of_this_machine(cls, cpu: str | None = None, memory: str | None = None, gpus: int | None = None) -> Capacity:
        """All that is here, or the part of it that is named (``4``, ``500m``; ``16Gi``; ``2``).

        Raises:
            ValueError: not a quantity.
        """
        return cls(
            cpu=quantities.parse(cpu if cpu is not None else len(os.sched_getaffinity(0))),
            memory=quantities.parse(memory if memory is not None else psutil.virtual_memory().total),
            gpus=gpus if gpus is not None else len(list(Path("/dev").glob("nvidia[0-9]*"))),
        )

    def as_resources(self) -> dict[str, Decimal]:
        """By Kubernetes' names."""
        return {"cpu": self.cpu, "memory": self.memory, "nvidia.com/gpu": Decimal(self.gpus)}


@dataclass
class FreeResources:
    """What is free on the node, given the pods placed on it."""

    amounts: dict[str, Decimal]
    gpus: list[int]
    pods: int = MAX_PODS
    labels: dict[str, str] = field(default_factory=dict)

    def take(self, spec: dict[str, Any], gpus: Iterable[int]) -> None:
        """Count a pod that has a place."""
        for name, value in quantities.pod_requests(spec).items():
            self.amounts[name] = self.amounts.get(name, Decimal(0)) - value
        self.gpus = [device for device in self.gpus if device not in set(gpus)]
        self.pods -= 1

    def shortfall(self, spec: dict[str, Any]) -> str:
        """Why the pod does not fit, in the scheduler's words; empty if it does."""
        reasons = []
        for name, value in sorted(quantities.pod_requests(spec).items()):
            free = self.amounts.get(name, Decimal(0))
            if value > free:
                reasons.append(f"Insufficient {name} (asked for {value.normalize():f}, free {free.normalize():f})")
        if spec.get("nodeName", NAME) != NAME:
            reasons.append(f"there is no node {spec['nodeName']}, only {NAME}")
        if self.pods < 1:
            reasons.append("Too many pods")
        selector = spec.get("nodeSelector") or {}
        if any(self.labels.get(key) != value for key, value in selector.items()):
            reasons.append(f"node(s) didn't match Pod's node affinity/selector {selector}")
        return f"0/1 nodes are available: {', '.join(reasons)}." if reasons else ""


def all_free(capacity: Capacity, labels: dict[str, str]) -> FreeResources:
    """The empty node."""
    return FreeResources(capacity.as_resources(), list(range(capacity.gpus)), labels=labels)


def as_object(capacity: Capacity, labels: dict[str, str], since: float) -> Obj:
    """The node as the API shows it, without metadata that the store adds."""
    amounts = {name: f"{value.normalize():f}" for name, value in capacity.as_resources().items()} | {
        "pods": str(MAX_PODS)
    }
    conditions = {"MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", "Ready": "True"}
    return {
        "kind": "Node",
        "apiVersion": "v1",
        "metadata": {"name": NAME, "labels": labels},
        "spec": {},
        "status": {
            "capacity": amounts,
            "allocatable": amounts,
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": platform.node()},
            ],
            "conditions": [
                {"type": kind, "status": value, "reason": "LocalCluster", "message": "pods are local processes",
                 "lastHeartbeatTime": timestamp(since), "lastTransitionTime": timestamp(since)}
                for kind, value in conditions.items()
            ],
            "nodeInfo": {
                "kubeletVersion": VERSION, "kubeProxyVersion": "", "operatingSystem": "linux",
                "architecture": platform.machine(), "kernelVersion": platform.release(), "osImage": platform.platform(),
                "containerRuntimeVersion": f"process://{platform.python_version()}", "machineID": "", "systemUUID": "",
                "bootID": "",
            },
        },
    }  # fmt: skip


def labels(capacity: Capacity) -> dict[str, str]:
    """What a ``nodeSelector`` can ask for; the GPU labels only where there are GPUs."""
    found = {"kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": platform.machine()}
    return found | ({"nvidia.com/gpu.present": "true", "accelerator": "nvidia"} if capacity.gpus else {})
