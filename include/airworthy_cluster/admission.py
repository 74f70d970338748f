"""Admission: a created object as it is stored: checked, with Kubernetes' defaults and its status filled in."""

from __future__ import annotations

import base64
import secrets

from airworthy_cluster.discovery import Resource
from airworthy_cluster.errors import bad_request
from airworthy_cluster.store import Obj
from airworthy_cluster.validation import objects, pods

#: What a pod that does not say gets.
POD_DEFAULTS = {"restartPolicy": "Always", "terminationGracePeriodSeconds": 30}


def identified(body: Obj, resource: Resource, namespace: str) -> Obj:
    """The body of a creation with kind, version, name and namespace.

    Args:
        namespace: the address's; empty for an object of the whole cluster.

    Raises:
        ApiError: 400, the body does not belong to this address.
    """
    if body.get("kind", resource.kind) != resource.kind:
        raise bad_request(f"the body is a {body['kind']}, the address is that of a {resource.kind}")
    if not isinstance(body.get("metadata"), dict):
        raise bad_request("the body has no metadata")
    metadata = {key: value for key, value in body["metadata"].items() if value is not None}
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = f"{metadata['generateName']}{secrets.token_hex(3)}"
    if resource.namespaced and (metadata.setdefault("namespace", namespace) != namespace or not namespace):
        raise bad_request(f"the body's namespace {metadata['namespace']!r} is not the address's {namespace!r}")
    return {**body, "kind": resource.kind, "apiVersion": "v1", "metadata": metadata}


def admitted(plural: str, obj: Obj) -> Obj:
    """The object as it is stored, if it is valid.

    Raises:
        ApiError: 422.
    """
    if plural == "pods":
        pods.pod(obj)
        return {**obj, "spec": {**POD_DEFAULTS, **obj["spec"]}, "status": {"phase": "Pending"}}
    objects.metadata(obj["kind"], obj)
    if plural == "namespaces":
        return {**obj, "status": {"phase": "Active"}}
    plain = obj.pop("stringData", None) or {}
    encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in plain.items()}
    obj = {**obj, "data": {**(obj.get("data") or {}), **encoded}}
    objects.data(obj)
    return {"type": "Opaque", **obj} if plural == "secrets" else obj
