"""A table that another engine wrote as parquet parts, and how they become one Delta commit."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.transaction import AddAction, RemoveAction

from airworthy.lake.columns import check_types, schema_of
from airworthy.lake.errors import LakeError
from airworthy.storage import filesystem

Mode = Literal["append", "overwrite", "replace_partitions"]
NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Part:
    """One staged parquet file."""

    path: str  # below the folder of the parts
    size: int  # bytes
    rows: int
    schema: pa.Schema
    partition: dict[str, str | None]


@dataclass(frozen=True)
class Parts:
    """All staged parquet files, and the columns they make.

    Attributes:
        files: sorted by path; may be none.
        columns: of the files, then the partition columns; times in microseconds UTC.
    """

    files: tuple[Part, ...]
    columns: pa.Schema


@dataclass(frozen=True)
class StagedTable:
    """What another engine wrote: for which table, where, how partitioned, and what becomes of the rows before.

    Attributes:
        table: name below the lake's root.
        uri: address of the table.
        folder: address below which the parts lie, in hive-style partition folders (``month=201301/``).
        partition_by: the partition columns, in the order of the folders.
        mode: ``append``, ``overwrite`` (the whole table) or ``replace_partitions`` (those that were written).
        schema: what to write when there is no part; without it that is an error (a folder that was committed and
            removed before must not empty the table).
        storage_options: delta-rs options of the lake.

    Raises:
        LakeError: ``mode`` is none of these, or does not go with so many partition columns.
    """

    table: str
    uri: str
    folder: str
    partition_by: tuple[str, ...] = ()
    mode: Mode = "overwrite"
    schema: pa.Schema | None = None
    storage_options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise LakeError(f"mode {self.mode!r} is not one of {', '.join(get_args(Mode))}")
        if self.mode == "replace_partitions" and len(self.partition_by) > 1:
            # one "in" per column: for several columns that is the cross product, so it is allowed only for one
            raise LakeError("replace_partitions works for one partition column", next_step="use overwrite")

    def find(self, delta: DeltaTable | None) -> Parts:
        """The parquet files in the folder, with what their footers and folders say.

        Args:
            delta: the table as it is, None if it is new; its partition columns keep their types.

        Raises:
            LakeError: a part does not lie in folders of the partition columns, the parts differ in their columns, or
                there is none and no ``schema``.
        """
        fs, source = filesystem(self.folder, self.storage_options)
        found = sorted(fs.find(source)) if fs.exists(source) else []
        paths = [name[name.index(source) + len(source) :].lstrip("/") for name in found]
        files = tuple(self._part(fs, source, path) for path in paths if _is_part(path))
        if files:
            return Parts(files, self._columns(files, None if delta is None else schema_of(delta)))
        if self.schema is None:
            raise LakeError(
                f"no parquet part below {self.folder}", next_step="write the parts again; were they committed before?"
            )
        return Parts((), self.schema)

    def commit(self, delta: DeltaTable, parts: Parts, properties: CommitProperties) -> None:
        """Copy the parts to their place in the table, then commit them in one version.

        Copied, not moved: killed before the commit, the staged folder is still whole and the copies are invisible
        (and fall to a later vacuum).

        Args:
            delta: the table as it is; afterwards, as it is with the parts.
            parts: see :meth:`find`.
            properties: what the commit remembers.

        Raises:
            LakeError: a column has another type than in the table, which is not replaced as a whole.
        """
        if self.mode != "overwrite":
            check_types(parts.columns, delta, self.uri)
        actions = self._copy(parts, delta.version() + 1)
        filters: list[tuple[str, str, Any]] | None = None
        if self.mode == "replace_partitions" and self.partition_by:
            column = self.partition_by[0]
            values = sorted({part.partition[column] or "" for part in parts.files})
            if not values:
                return
            filters = [(column, "in", values)]
        delta.create_write_transaction(
            actions,
            mode="append" if self.mode == "append" else "overwrite",
            schema=Schema.from_arrow(parts.columns),
            partition_by=list(self.partition_by),
            partition_filters=filters,
            commit_properties=properties,
        )
        delta.update_incremental()  # unlike write_deltalake, this leaves the table object at the version before

    def remove(self) -> None:
        """Remove the staged folder, if it is still there."""
        fs, path = filesystem(self.folder, self.storage_options)
        if fs.exists(path):
            fs.rm(path, recursive=True)

    def _part(self, fs: Any, source: str, path: str) -> Part:
        *folders, _ = path.split("/")
        pairs = [folder.split("=", 1) for folder in folders]
        if [pair[0] for pair in pairs] != list(self.partition_by) or any(len(pair) != 2 for pair in pairs):
            raise LakeError(
                f"{source}/{path} does not lie in folders of the partition columns {list(self.partition_by)}",
                next_step="write the parts with df.write.partitionBy(...) in that order",
            )
        name = f"{source}/{path}"
        with fs.open(name, "rb") as stream:
            footer = pq.ParquetFile(stream)
            rows, schema = footer.metadata.num_rows, footer.schema_arrow
        partition = {k: None if v == NULL_PARTITION else unquote(v) for k, v in pairs}
        return Part(path, fs.size(name), rows, schema, partition)

    def _columns(self, files: tuple[Part, ...], known: pa.Schema | None) -> pa.Schema:
        schemas = [pa.schema([pa.field(f.name, _delta_type(f.type)) for f in part.schema]) for part in files]
        if odd := next((p for p, s in zip(files, schemas, strict=True) if not s.equals(schemas[0])), None):
            raise LakeError(
                f"parts below {self.folder} differ in their columns: {odd.path} has {odd.schema.names}, "
                f"{files[0].path} has {files[0].schema.names}",
                next_step="write them with one data frame",
            )
        return pa.schema([*schemas[0], *(pa.field(c, _partition_type(c, files, known)) for c in self.partition_by)])

    def _copy(self, parts: Parts, version: int) -> list[AddAction | RemoveAction]:
        fs, source = filesystem(self.folder, self.storage_options)
        _, target = filesystem(self.uri, self.storage_options)
        actions: list[AddAction | RemoveAction] = []
        for part in parts.files:
            # the version in the name: an engine that names its parts part-0, part-1 must not overwrite earlier ones
            folder, _, file = part.path.rpartition("/")
            path = f"{folder}/v{version}-{file}".lstrip("/")
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
        return actions


def _is_part(path: str) -> bool:
    # hidden names are an engine's own: _SUCCESS, _temporary, .crc
    return path.endswith(".parquet") and not any(piece.startswith(("_", ".")) for piece in path.split("/"))


def _delta_type(kind: pa.DataType) -> pa.DataType:
    # Spark's INT96 has no zone in arrow and is nanoseconds; Delta knows microseconds only
    return pa.timestamp("us", "UTC") if pa.types.is_timestamp(kind) else kind


def _partition_type(column: str, files: tuple[Part, ...], known: pa.Schema | None) -> pa.DataType:
    if known is not None and column in known.names:
        return known.field(column).type
    values = [v for part in files if (v := part.partition[column]) is not None]
    return pa.int32() if values and all(re.fullmatch(r"-?\d{1,9}", v) for v in values) else pa.string()
