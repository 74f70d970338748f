"""Types, nulls, bounds and keys of rows."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy.ingest.row_contract import cast, check, repeated
from airworthy.spec.sources import Column, ColumnType


def text(*values: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def outcome(kind: ColumnType, *values: str | None) -> list[object]:
    """The typed values; 'bad' where unreadable."""
    typed, unreadable = cast(text(*values), kind)
    mask = [False] * len(values) if unreadable is None else unreadable.to_pylist()
    return ["bad" if bad else value for value, bad in zip(typed.to_pylist(), mask, strict=True)]


@pytest.mark.parametrize(
    ("kind", "given_", "expected"),
    [
        ("int", ["1", "-7", "007", None], [1, -7, 7, None]),
        ("int", ["5.0", " 3 ", "2.5", "x", "99999999999999999999", "1e3"], [5, 3, "bad", "bad", "bad", "bad"]),
        ("float", ["1", "-1.5", "1e3", None], [1.0, -1.5, 1000.0, None]),
        ("float", ["nan", "inf", "1,5", ".5", "1e999"], ["bad", "bad", "bad", 0.5, "bad"]),
        ("bool", ["true", "False", "1", "0", "yes"], [True, False, True, False, "bad"]),
        ("string", ["", "x", None], ["", "x", None]),
    ],
)
def test_text_becomes_values_or_is_named_unreadable(
    kind: ColumnType, given_: list[str | None], expected: list[object]
) -> None:
    assert outcome(kind, *given_) == expected


def test_times_carry_their_zone_and_without_one_are_utc() -> None:
    ten = datetime(2013, 1, 1, 10, tzinfo=UTC)
    same = ("2013-01-01T10:00:00Z", "2013-01-01 10:00:00", "2013-01-01T12:00:00+02:00", "2013-01-01T10:00")
    assert outcome("timestamp", *same) == [ten] * 4
    assert outcome("timestamp", "2013-01-01", "2013-02-30T00:00:00Z", "yesterday", None) == [
        datetime(2013, 1, 1, tzinfo=UTC),
        "bad",
        "bad",
        None,
    ]


def test_every_fault_names_row_column_value_and_reason() -> None:
    rows = pa.table({"n": text("1", "x", "11", "-1", None), "s": text("a", None, "c", "d", "e")})
    columns = {"n": Column(type="int", min=0, max=10), "s": Column(type="string", nullable=True)}
    typed, faults = check(rows, columns)
    assert typed["n"].to_pylist() == [1, None, 11, -1, None]
    assert [(f.row, f.column, f.value, f.reason) for f in faults] == [
        (1, "n", "x", "is not a whole number"),
        (4, "n", None, "is empty, and may not be"),
        (3, "n", "-1", "is below the minimum 0"),
        (2, "n", "11", "is above the maximum 10"),
    ]


def test_the_bounds_themselves_are_allowed() -> None:
    rows = pa.table({"n": text("0", "10")})
    assert check(rows, {"n": Column(type="float", min=0, max=10)})[1] == []


def test_the_first_copy_of_a_key_is_kept() -> None:
    rows = pa.table({"k": [1, 2, 1, 3, 2, 1], "d": ["a", "a", "a", "a", "b", "a"]})
    assert repeated(rows, ["k", "d"]) == [2, 5]
    assert repeated(rows, ["k", "d"], existing=pa.table({"k": [3, 9], "d": ["a", "a"]})) == [2, 3, 5]
    assert repeated(rows.slice(0, 0), ["k"]) == []


@given(st.lists(st.one_of(st.none(), st.text(max_size=8), st.integers().map(str), st.floats().map(str))))
def test_any_text_is_a_number_or_a_fault_never_an_error(values: list[str | None]) -> None:
    for kind in ("int", "float", "timestamp", "bool"):
        for value, seen in zip(values, outcome(kind, *values), strict=True):  # type: ignore[arg-type]
            if value is None:
                assert seen is None
            elif seen == "bad":
                assert kind != "int" or not _is_int64(value)
            elif kind == "float":
                assert isinstance(seen, float) and math.isclose(seen, float(value), rel_tol=1e-12)


def _is_int64(value: str) -> bool:
    digits = value.removeprefix("-")
    return digits.isascii() and digits.isdigit() and len(digits) <= 18


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"))),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ab"))),
)
def test_kept_keys_are_unique_and_new_and_none_is_lost(new: list[tuple[int, str]], old: list[tuple[int, str]]) -> None:
    def table(keys: list[tuple[int, str]]) -> pa.Table:
        return pa.table(
            {"n": pa.array([k[0] for k in keys], pa.int64()), "s": pa.array([k[1] for k in keys], pa.string())}
        )

    copies = set(repeated(table(new), ["n", "s"], table(old)))
    kept = [key for position, key in enumerate(new) if position not in copies]
    assert len(kept) == len(set(kept))
    assert not set(kept) & set(old)
    assert set(kept) | (set(old) & set(new)) == set(new)


def test_no_rows_at_all_break_nothing() -> None:
    nothing = pa.chunked_array([], pa.string())
    columns = {"n": Column(type="int", min=0), "at": Column(type="timestamp")}
    typed, faults = check(pa.table({"n": nothing, "at": nothing}), columns)
    assert (typed.num_rows, faults) == (0, [])
    assert repeated(typed, ["n"]) == []
