"""Turns parquet parts that another engine wrote into one Delta commit."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.transaction import AddAction, RemoveAction

from airworthy.storage import filesystem

if TYPE_CHECKING:
    from airworthy.lake.lake import Lake

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Part:
    """One staged parquet file."""

    path: str  # below the staging folder
    size: int  # bytes
    rows: int
    schema: pa.Schema
    partition: dict[str, str | None]


def commit(
    delta: DeltaTable,
    lake: Lake,
    table: str,
    staged: str,
    parts: list[Part],
    columns: pa.Schema,
    partition_by: Sequence[str],
    mode: str,
    properties: CommitProperties,
) -> None:
    """Copy the parts to their place in the table, then commit them in one version.

    Copied, not moved: killed before the commit, the staging folder is still whole and the copies are invisible
    (and fall to a later vacuum).
    """
    from airworthy.lake.lake import LakeError, check_types

    if mode not in ("append", "overwrite", "replace_partitions"):
        raise LakeError(f"mode {mode!r} is not one of append, overwrite, replace_partitions")
    fs, source = filesystem(staged, lake.storage_options)
    _, target = filesystem(lake.uri(table), lake.storage_options)
    if mode != "overwrite":
        check_types(columns, delta, lake.uri(table))
    number = delta.version() + 1
    actions: list[AddAction | RemoveAction] = []
    for part in parts:
        # the version in the name: an engine that names its parts part-0, part-1 must not overwrite earlier ones
        folder, _, file = part.path.rpartition("/")
        path = f"{folder}/v{number}-{file}".lstrip("/")
        destination = f"{target}/{path}"
        fs.makedirs(destination.rsplit("/", 1)[0], exist_ok=True)
        fs.cp_file(f"{source}/{part.path}", destination)
        actions.append(
            AddAction(
                path=path,
                size=part.size,
                partition_values=part.partition,
                modification_time=int(fs.modified(destination).timestamp() * 1000),
                data_change=True,
                stats=json.dumps({"numRecords": part.rows}),
            )
        )
    filters: list[tuple[str, str, Any]] | None = None
    if mode == "replace_partitions" and partition_by:
        # one "in" per column: for several columns that is the cross product, so it is allowed only for one
        if len(partition_by) > 1:
            raise LakeError("replace_partitions works for one partition column", next_step="use overwrite")
        values = sorted({part.partition[partition_by[0]] or "" for part in parts})
        if not values:
            return
        filters = [(partition_by[0], "in", values)]
    delta.create_write_transaction(
        actions,
        mode="append" if mode == "append" else "overwrite",
        schema=Schema.from_arrow(columns),
        partition_by=list(partition_by),
        partition_filters=filters,
        commit_properties=properties,
    )
    delta.update_incremental()  # unlike write_deltalake, this leaves the table object at the version before


def find(lake: Lake, staged: str, partition_by: Sequence[str]) -> list[Part]:
    """The parquet files below ``staged``, with what their footers and folders say.

    Raises:
        LakeError: a part does not lie in folders of the partition columns.
    """
    from airworthy.lake.lake import LakeError

    fs, source = filesystem(staged, lake.storage_options)
    parts = []
    found = sorted(fs.find(source)) if fs.exists(source) else []
    for name in found:
        path = name[name.index(source) + len(source) :].lstrip("/")
        *folders, file = path.split("/")
        if not file.endswith(".parquet") or any(piece.startswith(("_", ".")) for piece in (*folders, file)):
            continue
        pairs = [folder.split("=", 1) for folder in folders]
        if [pair[0] for pair in pairs] != list(partition_by) or any(len(pair) != 2 for pair in pairs):
            raise LakeError(
                f"{source}/{path} does not lie in folders of the partition columns {list(partition_by)}",
                next_step="write the parts with df.write.partitionBy(...) in that order",
            )
        with fs.open(name, "rb") as stream:
            footer = pq.ParquetFile(stream)
            rows, schema = footer.metadata.num_rows, footer.schema_arrow
        partition = {k: None if v == NULL_PARTITION else unquote(v) for k, v in pairs}
        parts.append(Part(path, fs.size(name), rows, schema, partition))
    return parts


def schema_of(
    parts: list[Part],
    partition_by: Sequence[str],
    given: pa.Schema | None,
    delta: DeltaTable | None,
    staged: str,
) -> pa.Schema:
    """The parts' columns, then the partition columns; every column nullable, times in microseconds UTC.

    Raises:
        LakeError: the parts differ in their columns, or there is neither a part nor a table.
    """
    from airworthy.lake.lake import LakeError

    known = None if delta is None else pa.schema(delta.schema().to_arrow())
    if not parts:
        if given is None:
            raise LakeError(
                f"no parquet part below {staged}", next_step="write the parts again; were they committed before?"
            )
        return given
    schemas = [pa.schema([pa.field(f.name, _delta_type(f.type)) for f in part.schema]) for part in parts]
    if odd := next((p for p, s in zip(parts, schemas, strict=True) if not s.equals(schemas[0])), None):
        raise LakeError(
            f"parts below {staged} differ in their columns: {odd.path} has {odd.schema.names}, "
            f"{parts[0].path} has {parts[0].schema.names}",
            next_step="write them with one data frame",
        )
    return pa.schema([*schemas[0], *(pa.field(c, _partition_type(c, parts, known)) for c in partition_by)])


def _delta_type(kind: pa.DataType) -> pa.DataType:
    # Spark's INT96 has no zone in arrow and is nanoseconds; Delta knows microseconds only
    return pa.timestamp("us", "UTC") if pa.types.is_timestamp(kind) else kind


def _partition_type(column: str, parts: list[Part], known: pa.Schema | None) -> pa.DataType:
    if known is not None and column in known.names:
        return known.field(column).type
    values = [v for part in parts if (v := part.partition[column]) is not None]
    return pa.int32() if values and all(re.fullmatch(r"-?\d{1,9}", v) for v in values) else pa.string()
