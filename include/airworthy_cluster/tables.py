"""Lists as the tables that ``kubectl get`` prints."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from airworthy_cluster.status import summary
from airworthy_cluster.store import Obj

Row = Callable[[Obj], list[Any]]


def age(moment: str | None) -> str:
    """How long ago, as kubectl says it: 5s, 3m20s, 2h, 4d."""
    if not moment:
        return "<unknown>"
    then = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    seconds = max(0, int((datetime.now(UTC) - then).total_seconds()))
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 600:
        return f"{seconds // 60}m{seconds % 60}s" if seconds % 60 else f"{seconds // 60}m"
    if seconds < 3 * 3600:
        return f"{seconds // 60}m"
    return f"{seconds // 3600}h" if seconds < 48 * 3600 else f"{seconds // 86400}d"


def _age(obj: Obj) -> str:
    return age(obj["metadata"]["creationTimestamp"])


def _pod(pod: Obj) -> list[Any]:
    status, spec = pod.get("status") or {}, pod["spec"]
    containers = status.get("containerStatuses") or []
    ready = f"{sum(container['ready'] for container in containers)}/{len(spec['containers'])}"
    restarts = sum(container["restartCount"] for container in containers)
    wide = [status.get("podIP", "<none>"), spec.get("nodeName", "<none>"), "<none>", "<none>"]
    return [pod["metadata"]["name"], ready, summary(pod), restarts, _age(pod), *wide]


def _node(node: Obj) -> list[Any]:
    info, addresses = node["status"]["nodeInfo"], node["status"]["addresses"]
    wide = [addresses[0]["address"], "<none>", info["osImage"], info["kernelVersion"], info["containerRuntimeVersion"]]
    return [node["metadata"]["name"], "Ready", "<none>", _age(node), info["kubeletVersion"], *wide]


def _event(event: Obj) -> list[Any]:
    involved = f"{event['involvedObject']['kind'].lower()}/{event['involvedObject']['name']}"
    wide = [event["source"]["component"], age(event["firstTimestamp"]), event["count"], event["metadata"]["name"]]
    return [age(event["lastTimestamp"]), event["type"], event["reason"], involved, event["message"], *wide]


#: Columns by resource; those in capitals only appear with ``-o wide``.
_TABLES: dict[str, tuple[str, Row]] = {
    "pods": ("Name Ready Status Restarts Age IP NODE NOMINATED-NODE READINESS-GATES", _pod),
    "nodes": (
        "Name Status Roles Age Version INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME",
        _node,
    ),
    "events": ("Last-Seen Type Reason Object Message SOURCE FIRST-SEEN COUNT NAME", _event),
    "namespaces": (
        "Name Status Age",
        lambda obj: [obj["metadata"]["name"], (obj.get("status") or {}).get("phase", "Active"), _age(obj)],
    ),
    "secrets": (
        "Name Type Data Age",
        lambda obj: [obj["metadata"]["name"], obj.get("type", "Opaque"), len(obj.get("data") or {}), _age(obj)],
    ),
    "configmaps": (
        "Name Data Age",
        lambda obj: [obj["metadata"]["name"], len(obj.get("data") or {}), _age(obj)],
    ),
}


def table(plural: str, objects: list[Obj], version: str, *, whole: bool) -> Obj:
    """A ``meta.k8s.io/v1`` Table.

    Args:
        whole: put the whole object into each row, not only its metadata.
    """
    names, row = _TABLES[plural]
    columns = [
        {
            "name": name.replace("-", " ").title()
            if name.isupper() and name not in ("IP",)
            else name.replace("-", " "),
            "type": "integer" if name in ("Restarts", "Data", "COUNT") else "string",
            "format": "name" if name == "Name" else "",
            "description": "",
            "priority": int(name.isupper()),
        }
        for name in names.split()
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": columns,
        "rows": [{"cells": row(obj), "object": obj if whole else _partial(obj)} for obj in objects],
    }


def _partial(obj: Obj) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
