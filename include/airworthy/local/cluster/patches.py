"""PATCH: what it makes of an object, and what of a pod may be changed at all."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonpatch

from airworthy.local.cluster.errors import ApiError, Cause, bad_request, invalid
from airworthy.local.cluster.store import Obj

#: Set by the cluster alone.
FIXED = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp",
         "deletionGracePeriodSeconds")  # fmt: skip


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386. Strategic merge differs from it only in lists of a pod's spec, which cannot be patched here anyway."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif key != "$setElementOrder" and not key.startswith("$"):
            result[key] = merged(result.get(key), value)
    return result


def patched(obj: Obj, body: bytes, content_type: str) -> Obj:
    """The object after a patch.

    Raises:
        ApiError: 415 unknown kind of patch, 400 not readable, 422 changes what is fixed.
    """
    try:
        patch = json.loads(body)
        if content_type == "application/json-patch+json":
            new = jsonpatch.apply_patch(copy.deepcopy(obj), patch)
        elif content_type in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
            new = merged(obj, patch)
        else:
            expected = "a JSON, merge or strategic merge patch (kubectl apply without --server-side)"
            raise ApiError(415, "UnsupportedMediaType", f"{content_type} is not known here; expected {expected}")
    except (ValueError, jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise bad_request(f"the patch cannot be applied: {error}") from error
    version = (new.get("metadata") or {}).get("resourceVersion")
    if version not in (None, obj["metadata"]["resourceVersion"]):
        raise ApiError(
            409, "Conflict", f"the object has been modified: it is at version {obj['metadata']['resourceVersion']}"
        )
    fixed = {key: obj["metadata"][key] for key in FIXED if key in obj["metadata"]}
    new["metadata"] = {**new["metadata"], **fixed}
    if obj["kind"] == "Pod" and new["spec"] != obj["spec"]:
        cause = Cause("spec", "a pod's spec cannot be changed; delete the pod and create it again")
        raise invalid("Pod", obj["metadata"]["name"], [cause])
    return {**new, "kind": obj["kind"], "apiVersion": "v1", **({"status": obj["status"]} if "status" in obj else {})}
