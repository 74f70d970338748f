"""What a caller may send: the body of a prediction request, checked completely before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from airworthy.errors import AirworthyError

FLOAT32_MAX = 3.4028234e38


class Refused(AirworthyError):
    """An HTTP error answer: its status, and which instance and field it is about.

    Args:
        status: the HTTP status.
        code: a word that programs can compare, e.g. ``bad_instance``.
        message: what was seen and what was expected.
        instance: index of the offending instance, from 0.
        field: the offending field.
        next_step: what the caller can do.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        instance: int | None = None,
        field: str | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(message, next_step=next_step)
        self.status = status
        self.code = code
        self.instance = instance
        self.field = field

    def body(self) -> bytes:
        """The JSON answer."""
        parts = {
            "code": self.code,
            "message": self.message,
            "instance": self.instance,
            "field": self.field,
            "next_step": self.next_step,
        }
        return orjson.dumps({"error": {key: value for key, value in parts.items() if value is not None}})


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
            422, "bad_body", f"expected an object with instances, found {_show(document)}", next_step=_EXAMPLE
        )
    if unknown := sorted(document.keys() - {"instances"}):
        raise Refused(422, "bad_body", f"unknown keys beside instances: {_show(unknown)}", next_step=_EXAMPLE)
    instances = document["instances"]
    if not isinstance(instances, list) or not instances:
        raise Refused(
            422, "bad_body", f"instances: expected a list of at least one object, found {_show(instances)}",
            field="instances", next_step=_EXAMPLE,
        )  # fmt: skip
    if len(instances) > max_instances:
        raise Refused(
            413, "too_many_instances", f"{len(instances)} instances, at most {max_instances} per request",
            field="instances", next_step="split them over several requests",
        )  # fmt: skip
    for index, instance in enumerate(instances):
        if not isinstance(instance, dict):
            raise _bad(index, None, f"expected an object, found {_show(instance)}")
        key = instance.get("key")
        if not isinstance(key, str) or not 0 < len(key) <= max_key_length:
            raise _bad(index, "key", f"expected a string of 1 to {max_key_length} characters, found {_show(key)}")
    return instances


def check_finite(features: Sequence[Mapping[str, Any]], numeric: Sequence[str]) -> None:
    """Numbers must fit the model's float32; an infinity would come back as a nonsensical probability.

    Raises:
        Refused: 422, naming instance and field.
    """
    for index, row in enumerate(features):
        for name in numeric:
            value = row[name]
            if value is not None and not -FLOAT32_MAX <= value <= FLOAT32_MAX and not math.isnan(value):
                raise _bad(index, name, f"expected a number that fits 32-bit floats, found {_show(value)}")


def _bad(index: int, field: str | None, problem: str) -> Refused:
    where = f"instances[{index}]" + (f".{field}" if field else "")
    return Refused(422, "bad_instance", f"{where}: {problem}", instance=index, field=field)


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


_EXAMPLE = 'send {"instances": [{"key": "...", ...}]}; GET /openapi.json has the whole contract'
