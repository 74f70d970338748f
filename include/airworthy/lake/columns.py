"""What new rows must have in common with a table: the types of its columns, and which partitions they belong to."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from deltalake import DeltaTable, Schema

from airworthy.lake.errors import LakeError


def schema_of(delta: DeltaTable) -> pa.Schema:
    """The table's columns and types, partition columns included."""
    return pa.schema(delta.schema().to_arrow())


def check_types(columns: pa.Schema, delta: DeltaTable, uri: str) -> None:
    """A column may be added to a table, not change its type (delta-rs would cast, or fail half-way).

    Raises:
        LakeError: names the column and both types.
    """
    new = pa.schema(Schema.from_arrow(columns).to_arrow())
    for old in schema_of(delta):
        if old.name in new.names and new.field(old.name).type != old.type:
            raise LakeError(
                f"{uri}: column {old.name} is {old.type} in the table and {new.field(old.name).type} in the new data",
                next_step="cast it, or replace the whole table",
            )


def partitions_of(data: pa.Table, partition_by: Sequence[str]) -> str | None:
    """SQL for "one of the partitions that ``data`` has rows for"; None where nothing partitions."""
    if not partition_by:
        return None
    rows = data.select(list(partition_by)).group_by(list(partition_by)).aggregate([]).to_pylist()
    if not rows:
        return "false"
    return " OR ".join("(" + " AND ".join(_equals(c, v) for c, v in row.items()) + ")" for row in rows)


def _equals(column: str, value: object) -> str:
    if value is None:
        return f'"{column}" IS NULL'
    literal = "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)
    return f'"{column}" = {literal}'
