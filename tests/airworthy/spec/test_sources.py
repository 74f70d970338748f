"""The contract of raw rows."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from airworthy.spec.sources import Column, Source

ID: dict[str, Any] = {"id": {"type": "int"}}


@pytest.mark.parametrize("field", ["key", "partition_by"])
def test_a_column_that_is_not_there_is_neither_a_key_nor_a_partition(field: str) -> None:
    with pytest.raises(ValidationError, match=rf"{field} names \['nope'\]"):
        Source.model_validate({"path": "*.csv", "columns": ID, "key": ["id"]} | {field: ["nope"]})


def test_a_source_has_a_key() -> None:
    with pytest.raises(ValidationError, match="at least 1"):
        Source.model_validate({"path": "*.csv", "columns": ID, "key": []})


def test_bounds_are_in_order_and_may_be_equal() -> None:
    assert Column(type="int", min=3, max=3).max == 3
    with pytest.raises(ValidationError, match=r"min 4\.0 is greater than max 3\.0"):
        Column(type="int", min=4, max=3)
