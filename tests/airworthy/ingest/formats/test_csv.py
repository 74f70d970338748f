"""Whole files: complete, well-formed, with the columns that were asked for."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy.ingest.faults import FileFault
from airworthy.ingest.formats.csv import Parsed, locate, parse, unpack

COLUMNS = ["a", "b"]


def parsed(data: bytes) -> Parsed:
    outcome = parse(data, COLUMNS)
    assert isinstance(outcome, Parsed), outcome
    return outcome


def fault(data: bytes) -> FileFault:
    outcome = parse(data, COLUMNS)
    assert isinstance(outcome, FileFault), outcome
    return outcome


def test_values_are_text_in_the_order_asked_for_and_na_is_null() -> None:
    outcome = parsed(b'b,x,a\n1,9,"with, comma"\nNA,9,\n"two\nlines",9,z\n')
    assert outcome.table.column_names == COLUMNS
    assert outcome.table.to_pylist() == [
        {"a": "with, comma", "b": "1"},
        {"a": None, "b": None},
        {"a": "z", "b": "two\nlines"},
    ]
    assert outcome.extra == ("x",)


@pytest.mark.parametrize("data", [b"a,b\n", b"a,b", b"\xef\xbb\xbfa,b\r\n", b"a,b\n\n\n"])
def test_a_header_alone_is_an_empty_day(data: bytes) -> None:
    assert parsed(data).table.num_rows == 0


@pytest.mark.parametrize(
    ("data", "reason", "row", "truncated"),
    [
        (b"", "empty", None, True),
        (b"\n\n", "empty", None, True),
        (b"a\n1\n", "missing column b", 1, False),
        (b"c\n1\n", "missing columns a, b", 1, False),
        (b"a,b,a\n1,2,3\n", "column a is there 2 times", 1, False),
        (b"a,b\n1,\xff\n", "not UTF-8: byte 0xff", 2, False),
        (b"a,b\n1,\xc3", "not UTF-8", 2, True),
        (b"a,b\n1,2\n3", "the last line is cut off: 1 values", 3, True),
        (b'a,b\n1,2\n3,"x', "never closed", 3, True),
        (b"a,b\n1,2\n3\n4", "the last line is cut off", 4, True),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_where(
    data: bytes, reason: str, row: int | None, truncated: bool
) -> None:
    seen = fault(data)
    assert reason in seen.reason
    assert (seen.row, seen.truncated) == (row, truncated)


def test_a_last_line_without_newline_is_taken_and_told() -> None:
    assert parsed(b"a,b\n1,2\n3,4").table.num_rows == 2
    assert parsed(b"a,b\n1,2\n3,4").open_ended
    assert not parsed(b"a,b\n1,2\n3,4\n").open_ended


def test_a_record_of_the_wrong_length_is_left_out_with_its_line() -> None:
    outcome = parsed(b'a,b\n1,2\n\n3\n4,"x\ny"\n5,6,7\n8,9\n')
    assert outcome.table["a"].to_pylist() == ["1", "4", "8"]
    assert [(f.row, f.raw) for f in outcome.malformed] == [(4, "3"), (7, "5,6,7")]
    assert "1 values where the header has 2" in outcome.malformed[0].reason
    where = locate(b'a,b\n1,2\n\n3\n4,"x\ny"\n5,6,7\n8,9\n', {1, 2}, {4, 7})
    assert where == {1: (5, '4,"x\ny"'), 2: (8, "8,9")}


def test_compressed_files_are_unpacked_and_cut_ones_are_told() -> None:
    whole = gzip.compress(b"a,b\n1,2\n" * 100)
    assert unpack("x.csv.gz", whole) == b"a,b\n1,2\n" * 100
    assert unpack("x.csv", b"plain") == b"plain"
    cut = unpack("x.csv.gz", whole[:-12])
    assert isinstance(cut, FileFault) and cut.truncated
    assert isinstance(unpack("x.csv.gz", b"no gzip"), FileFault)


@given(st.binary(max_size=60).map(lambda tail: b"a,b\n1,2\n" + tail))
def test_no_bytes_whatever_make_it_fail(data: bytes) -> None:
    assert isinstance(parse(data, COLUMNS), Parsed | FileFault)


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=5), min_size=2, max_size=3), max_size=6))
def test_located_records_are_the_parsed_ones(records: list[list[str]]) -> None:
    import csv
    import io

    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([COLUMNS, *records])
    data = out.getvalue().encode()
    outcome = parse(data, COLUMNS)
    if isinstance(outcome, FileFault):
        return
    count = outcome.table.num_rows
    where = locate(data, set(range(count)), {f.row for f in outcome.malformed})
    assert len(where) == count
    for position, (_, raw) in where.items():
        first = next(csv.reader(io.StringIO(raw, newline="")))[0]
        assert (None if first in ("", "NA") else first) == outcome.table["a"][position].as_py()
