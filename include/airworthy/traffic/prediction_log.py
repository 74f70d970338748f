"""The prediction log's table: serving writes it, monitoring and parity read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from airworthy.spec.pipeline import PipelineSpec

#: Days of UTC, so that a look at one day reads one day's files.
PARTITION_BY = ("date",)


def fixed_columns(output: str) -> dict[str, pa.DataType]:
    """The columns beside the features. ``prediction_id`` is unique; ``key`` is the request's and may come again.

    Args:
        output: what the model answers, see `airworthy.model.kinds.base.Kind.output`.
    """
    return {
        "prediction_id": pa.string(),
        "key": pa.string(),
        "at": pa.timestamp("us", "UTC"),
        "prediction_time": pa.timestamp("us", "UTC"),
        "date": pa.string(),
        "release_id": pa.string(),
        "variant": pa.string(),
        "version": pa.int64(),
        "data_version": pa.string(),
        output: pa.float64(),
        "fallback": pa.bool_(),
    }


def feature_columns(features: Sequence[str], output: str) -> list[str]:
    """The log's columns of these features: their names, or ``feature_<name>`` where that is taken."""
    taken = fixed_columns(output)
    return [f"feature_{name}" if name in taken else name for name in features]


def schema(spec: PipelineSpec, output: str) -> pa.Schema:
    """The fixed columns, then every feature as the model got it (categories before encoding)."""
    columns = fixed_columns(output)
    columns |= dict.fromkeys(feature_columns(spec.features.categorical, output), pa.string())
    columns |= dict.fromkeys(feature_columns(spec.features.numeric, output), pa.float32())
    return pa.schema(columns)
