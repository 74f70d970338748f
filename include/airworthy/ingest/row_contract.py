"""The contract of a source's rows, as pure functions over columns: types, nulls, bounds, unique keys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airworthy.ingest.faults import ValueFault
from airworthy.spec.sources import Column, ColumnType

ARROW: dict[ColumnType, pa.DataType] = {
    "int": pa.int64(),
    "float": pa.float64(),
    "string": pa.string(),
    "timestamp": pa.timestamp("us", "UTC"),
    "bool": pa.bool_(),
}
WRONG_TYPE: dict[ColumnType, str] = {
    "int": "is not a whole number",
    "float": "is not a finite number",
    "string": "is not text",
    "timestamp": "is not an ISO-8601 time",
    "bool": "is not true or false",
}
# RE2; what passes can still be no date (2013-02-30), which the cast of single values then finds
PLAUSIBLE: dict[ColumnType, str] = {
    "int": r"^-?\d{1,18}$",
    "float": r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$",
    "timestamp": r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)$",
    "bool": r"^(?i:true|false|0|1)$",
}


def check(rows: pa.Table, columns: dict[str, Column]) -> tuple[pa.Table, list[ValueFault]]:
    """Bring text to its types and find every value that breaks the contract.

    A time without zone is taken as UTC; ``5.0`` is a whole number (pandas writes it for nullable integers).

    Args:
        rows: all columns of the contract, as strings; null is null.
        columns: the contract.

    Returns:
        The rows in their types (null where a value could not be read), and the faults by column, then row.
    """
    typed: dict[str, pa.ChunkedArray] = {}
    faults: list[ValueFault] = []
    for name, column in columns.items():
        text = rows[name]
        values, unreadable = cast(text, column.type)
        typed[name] = values
        found = [(unreadable, WRONG_TYPE[column.type])]
        if not column.nullable:
            found.append((pc.is_null(text), "is empty, and may not be"))
        if column.type in ("int", "float"):
            if column.min is not None:
                found.append((pc.less(values, column.min), f"is below the minimum {column.min:g}"))
            if column.max is not None:
                found.append((pc.greater(values, column.max), f"is above the maximum {column.max:g}"))
        for mask, reason in found:
            if mask is not None:
                faults += [ValueFault(row, name, text[row].as_py(), reason) for row in _true(mask)]
    return pa.table(typed), faults


def cast(text: pa.ChunkedArray, kind: ColumnType) -> tuple[pa.ChunkedArray, pa.ChunkedArray | None]:
    """Values of type ``kind``, null where unreadable, and the mask of the unreadable (None: there is none)."""
    target = ARROW[kind]
    if kind == "string":
        return text, None
    try:
        # nearly every column of nearly every file: one pass, no regular expression
        values = text.cast(target)
    except pa.ArrowInvalid:
        values = _cast_plausible(text, kind)
    if kind == "float":
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, target))
    unreadable = pc.and_(pc.is_valid(text), pc.is_null(values))
    return values, unreadable if pc.any(unreadable).as_py() else None


def _cast_plausible(text: pa.ChunkedArray, kind: ColumnType) -> pa.ChunkedArray:
    tidy = pc.utf8_trim_whitespace(text)
    if kind == "int":
        tidy = pc.replace_substring_regex(tidy, r"^(-?\d+)\.0+$", r"\1")
    elif kind == "timestamp":
        tidy = pc.replace_substring_regex(tidy, r"^(\d{4}-\d\d-\d\d)$", r"\1T00:00:00")
        zoned = pc.match_substring_regex(tidy, r"(Z|:\d\d(\.\d+)?[+-]\d\d:?\d\d)$")
        tidy = pc.if_else(zoned, tidy, pc.binary_join_element_wise(tidy, "Z", ""))
    none = pa.scalar(None, pa.string())
    tidy = pc.if_else(pc.match_substring_regex(tidy, PLAUSIBLE[kind]), tidy, none)
    try:
        return tidy.cast(ARROW[kind])
    except pa.ArrowInvalid:
        return _cast_one_by_one(tidy, ARROW[kind])


def _cast_one_by_one(text: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    def one(value: str | None) -> object:
        try:
            return pa.scalar(value, pa.string()).cast(target)
        except pa.ArrowInvalid:
            return None

    encoded = text.combine_chunks().dictionary_encode()
    values = pa.array([one(value) for value in encoded.dictionary.to_pylist()], target)
    return pa.chunked_array([values.take(encoded.indices)])


def repeated(rows: pa.Table, key: Sequence[str], existing: pa.Table | None = None) -> list[int]:
    """Positions of the rows whose key was there before: in ``existing``, or further up in ``rows``.

    Args:
        rows: typed rows; the order decides which copy is the first.
        key: columns that identify a row.
        existing: rows that are in the table already; at least the key columns.
    """
    keys = rows.select(list(key))
    position = pa.array(range(rows.num_rows), pa.int64())
    keys = keys.append_column("_position", position)
    if existing is not None and existing.num_rows:
        before = existing.select(list(key)).cast(keys.drop_columns(["_position"]).schema)
        keys = pa.concat_tables(
            [keys, before.append_column("_position", pa.repeat(pa.scalar(-1, pa.int64()), before.num_rows))]
        )
    firsts = keys.group_by(list(key)).aggregate([("_position", "min")])["_position_min"]
    return _true(pc.invert(pc.is_in(position, value_set=firsts)))


def _true(mask: pa.ChunkedArray | pa.Array) -> list[int]:
    # not pc.indices_nonzero: on a chunked array without chunks it crashes the process (pyarrow 25)
    flags = mask.combine_chunks() if isinstance(mask, pa.ChunkedArray) else mask
    return np.flatnonzero(pc.fill_null(flags, False).to_numpy(zero_copy_only=False)).tolist()
