"""What this cluster can do, in the words with which Kubernetes clients ask: versions, resources, OpenAPI."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Any

from airworthy_cluster.node import VERSION


@dataclass(frozen=True)
class Resource:
    """One kind of object and what can be done with it."""

    plural: str
    kind: str
    namespaced: bool
    verbs: tuple[str, ...]
    short: tuple[str, ...] = ()


READ = ("get", "list", "watch")
RESOURCES = {
    resource.plural: resource
    for resource in (
        Resource("pods", "Pod", True, ("create", "delete", *READ, "patch"), ("po",)),
        Resource("events", "Event", True, READ, ("ev",)),
        Resource("secrets", "Secret", True, ("create", "delete", *READ, "patch")),
        Resource("configmaps", "ConfigMap", True, ("create", "delete", *READ, "patch"), ("cm",)),
        Resource("namespaces", "Namespace", False, ("create", *READ), ("ns",)),
        Resource("nodes", "Node", False, READ, ("no",)),
    )
}


def version() -> dict[str, str]:
    """``GET /version``."""
    major, minor, _ = VERSION.removeprefix("v").split(".", 2)
    return {
        "major": major, "minor": minor, "gitVersion": VERSION, "gitCommit": "", "gitTreeState": "", "buildDate": "",
        "goVersion": "", "compiler": "", "platform": f"linux/{platform.machine()}",
    }  # fmt: skip


def api_versions() -> dict[str, Any]:
    """``GET /api``."""
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def groups() -> dict[str, Any]:
    """``GET /apis``: core/v1 is all there is."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": []}


def resources() -> dict[str, Any]:
    """``GET /api/v1``."""
    found: list[dict[str, Any]] = [
        {
            "name": resource.plural,
            "singularName": resource.kind.lower(),
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
            "shortNames": list(resource.short),
        }
        for resource in RESOURCES.values()
    ]
    log = {"name": "pods/log", "singularName": "", "namespaced": True, "kind": "Pod", "verbs": ["get"]}
    return {"kind": "APIResourceList", "groupVersion": "v1", "resources": [*found, log]}


def openapi_index() -> dict[str, Any]:
    """``GET /openapi/v3``."""
    return {"paths": {"api/v1": {"serverRelativeURL": "/openapi/v3/api/v1?hash=1"}}}


def openapi() -> dict[str, Any]:
    """``GET /openapi/v3/api/v1``: no schemas, only that objects are validated here, which spares kubectl doing it."""
    validated = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]
    paths = {}
    for resource in RESOURCES.values():
        namespace = "namespaces/{namespace}/" if resource.namespaced else ""
        kind = {"group": "", "version": "v1", "kind": resource.kind}
        operation = {"parameters": validated, "x-kubernetes-group-version-kind": kind, "responses": {}}
        paths[f"/api/v1/{namespace}{resource.plural}"] = {"post": operation}
        paths[f"/api/v1/{namespace}{resource.plural}/{{name}}"] = {"patch": operation}
    return {"openapi": "3.0.0", "info": {"title": "airworthy local cluster", "version": VERSION}, "paths": paths,
            "components": {"schemas": {}}}  # fmt: skip
