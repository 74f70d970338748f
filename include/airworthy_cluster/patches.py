"""PATCH: what it makes of an object, and what of a pod may be changed at all."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonpatch

from airworthy_cluster.errors import ApiError, Cause, bad_request, invalid
from airworthy_cluster.store import Obj

#: Set by the cluster alone.
FIXED = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp",
         "deletionGracePeriodSeconds")  # fmt: skip


JSON_PATCH = "application/json-patch+json"
KINDS = (JSON_PATCH, "application/merge-patch+json", "application/strategic-merge-patch+json")


def check_kind(content_type: str) -> None:
    """Refuse a kind of patch that is not known here.

    Raises:
        ApiError: 415.
    """
    if content_type not in KINDS:
        hint = f"{content_type or 'nothing'} is not a patch known here; expected one of {', '.join(KINDS)}"
        raise ApiError(415, "UnsupportedMediaType", f"{hint} (kubectl apply without --server-side)")


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
        ApiError: 400 not readable, 409 made for another version, 422 changes what is fixed.
    """
    try:
        patch = json.loads(body)
        new = jsonpatch.apply_patch(copy.deepcopy(obj), patch) if content_type == JSON_PATCH else merged(obj, patch)
    except (ValueError, jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise bad_request(f"the patch cannot be applied: {error}") from error
    if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
        raise bad_request("the patch would leave no object")
    version = new["metadata"].get("resourceVersion")
    if version not in (None, obj["metadata"]["resourceVersion"]):
        raise ApiError(
            409, "Conflict", f"the object has been modified: it is at version {obj['metadata']['resourceVersion']}"
        )
    fixed = {key: obj["metadata"][key] for key in FIXED if key in obj["metadata"]}
    new["metadata"] = {**new["metadata"], **fixed}
    if obj["kind"] == "Pod" and new.get("spec") != obj["spec"]:
        cause = Cause("spec", "a pod's spec cannot be changed; delete the pod and create it again")
        raise invalid("Pod", obj["metadata"]["name"], [cause])
    return {**new, "kind": obj["kind"], "apiVersion": "v1", **({"status": obj["status"]} if "status" in obj else {})}
