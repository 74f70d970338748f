"""A body of another shape is refused before anything is computed, and the refusal says what was wrong."""

from __future__ import annotations

import httpx
import pytest
from serving_parts import PREDICT, error_of, instance


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b'{"instances": [{"key": "a", "distance": NaN}]}', 400, "not JSON"),
        (b"[" * 5000, 400, "not JSON"),
        (b"[]", 422, "instances"),
        (b"{}", 422, "instances"),
        (b'{"instances": []}', 422, "at least one"),
        (b'{"instances": {}}', 422, "list"),
        (b'{"instances": [1]}', 422, "instances[0]"),
        (b'{"instances": [{}], "parameters": 1}', 422, "parameters"),
    ],
)
def test_a_body_of_another_shape_is_refused(served: httpx.Client, body: bytes, status: int, says: str) -> None:
    assert says in str(error_of(served.post(PREDICT, content=body), status)["message"])


def test_too_many_instances_are_refused(served: httpx.Client) -> None:
    many = {"instances": [instance(str(i)) for i in range(1001)]}
    assert error_of(served.post(PREDICT, json=many), 413)["code"] == "too_many_instances"
