"""What a caller may send: the body of a prediction request, checked completely before anything is computed."""

from __future__ import annotations

from typing import Any

import orjson

from airworthy.serving.refused import Refused, bad_instance, shown


def parse(body: bytes, *, max_instances: int, max_key_length: int) -> list[dict[str, Any]]:
    """The instances of ``{"instances": [{"key": ..., ...}, ...]}``.

    What else an instance must hold is the pipeline's affair (its ``request_features``).

    Raises:
        Refused: 400 not JSON, 422 not of this shape; names the instance and the field.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, "bad_json", f"the body is not JSON: {error}", next_step=_EXAMPLE) from error
    if not isinstance(document, dict) or "instances" not in document:
        raise Refused(
            422, "bad_body", f"expected an object with instances, found {shown(document)}", next_step=_EXAMPLE
        )
    if unknown := sorted(document.keys() - {"instances"}):
        raise Refused(422, "bad_body", f"unknown keys beside instances: {shown(unknown)}", next_step=_EXAMPLE)
    instances = document["instances"]
    if not isinstance(instances, list) or not instances:
        raise Refused(
            422, "bad_body", f"instances: expected a list of at least one object, found {shown(instances)}",
            field="instances", next_step=_EXAMPLE,
        )  # fmt: skip
    if len(instances) > max_instances:
        raise Refused(
            413, "too_many_instances", f"{len(instances)} instances, at most {max_instances} per request",
            field="instances", next_step="split them over several requests",
        )  # fmt: skip
    for index, instance in enumerate(instances):
        if not isinstance(instance, dict):
            raise bad_instance(index, None, f"expected an object, found {shown(instance)}")
        key = instance.get("key")
        if not isinstance(key, str) or not 0 < len(key) <= max_key_length:
            problem = f"expected a string of 1 to {max_key_length} characters, found {shown(key)}"
            raise bad_instance(index, "key", problem)
    return instances


_EXAMPLE = 'send {"instances": [{"key": "...", ...}]}; GET /openapi.json has the whole contract'
