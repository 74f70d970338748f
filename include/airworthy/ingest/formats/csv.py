"""One CSV file: is it whole, does it have the columns, and where in it does a record stand?"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyarrow import csv as arrow_csv

from airworthy.ingest.faults import FileFault, RowFault

NULLS = ["", "NA"]
MAX_RAW = 2000  # characters of a line that are kept in quarantine


@dataclass(frozen=True)
class Parsed:
    """The well-formed records of a file, every value still text; ``NA`` and nothing are null."""

    table: pa.Table
    malformed: tuple[RowFault, ...] = ()
    extra: tuple[str, ...] = ()  # columns nobody asked for; ignored
    last_column: str = ""
    open_ended: bool = False  # no newline at the end: the last line may be cut off


def unpack(name: str, data: bytes) -> bytes | FileFault:
    """The content of a ``.gz`` file; of any other name, ``data`` itself."""
    if not name.endswith(".gz"):
        return data
    try:
        return gzip.decompress(data)
    except EOFError:
        return FileFault("the compressed file ends in the middle", truncated=True)
    except (gzip.BadGzipFile, zlib.error) as error:
        return FileFault(f"not a gzip file: {error}")


def parse(data: bytes, columns: Sequence[str]) -> Parsed | FileFault:
    """Read a comma-separated UTF-8 file with a header.

    Args:
        data: the file's bytes.
        columns: the columns to return, in that order, as strings.
    """
    data = data.removeprefix(b"\xef\xbb\xbf")
    if not data.strip():
        return FileFault("the file is empty: not even a header", truncated=True)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        # cut in the middle of a character: what is missing would have followed
        cut = error.end == len(data) and error.reason == "unexpected end of data"
        return FileFault(f"not UTF-8: byte 0x{data[error.start]:02x}", line, truncated=cut)
    if data.count(b'"') % 2:
        line = data.count(b"\n", 0, data.rindex(b'"')) + 1
        return FileFault("a quoted value is never closed: the file is truncated", line, truncated=True)
    header = next(csv.reader(io.StringIO(text, newline="")))
    if missing := [column for column in columns if column not in header]:
        cut = "\n" not in text and "\r" not in text
        return FileFault(
            f"missing column{'s' if len(missing) > 1 else ''} {', '.join(missing)}", 1, missing[0], truncated=cut
        )
    if twice := sorted({column for column in columns if header.count(column) > 1}):
        return FileFault(f"column {twice[0]} is there {header.count(twice[0])} times", 1, twice[0])
    parsed = _parse_records(data, text, header, columns)
    if isinstance(parsed, FileFault):
        return parsed
    extra = tuple(column for column in header if column not in columns)
    return Parsed(parsed.table, parsed.malformed, extra, header[-1], open_ended=not _ends_with_newline(text))


def _parse_records(data: bytes, text: str, header: list[str], columns: Sequence[str]) -> Parsed | FileFault:
    odd: list[arrow_csv.InvalidRow] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        odd.append(row)
        return "skip"

    try:
        table = arrow_csv.read_csv(
            io.BytesIO(data + b"\n"),  # a header alone and without newline counts as no header otherwise
            read_options=arrow_csv.ReadOptions(use_threads=False, block_size=len(data) + (1 << 16)),
            parse_options=arrow_csv.ParseOptions(newlines_in_values=b'"' in data, invalid_row_handler=skip),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(columns),
                column_types={column: pa.string() for column in columns},
                null_values=NULLS,
                strings_can_be_null=True,
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid as error:
        return FileFault(f"not a CSV file: {error}")
    return _parse_slowly(text, header, columns) if odd else Parsed(table)


def _parse_slowly(text: str, header: list[str], columns: Sequence[str]) -> Parsed | FileFault:
    """The same for a file with records of the wrong length: slower, but knows every record's line."""
    good: list[list[str | None]] = []
    malformed: list[RowFault] = []
    positions = [header.index(column) for column in columns]
    for line, raw, record in _records(text):
        if len(record) == len(header):
            good.append([None if record[i] in NULLS else record[i] for i in positions])
            continue
        malformed.append(RowFault(line, raw, f"{len(record)} values where the header has {len(header)}"))
        last = malformed[-1]
    if not _ends_with_newline(text) and last.row + last.raw.count("\n") == _last_line(text):
        return FileFault(f"the last line is cut off: {last.reason}", last.row, truncated=True)
    arrays = [pa.array([row[i] for row in good], pa.string()) for i in range(len(columns))]
    return Parsed(pa.table(arrays, names=list(columns)), tuple(malformed))


def locate(data: bytes, records: set[int], malformed: set[int]) -> dict[int, tuple[int, str]]:
    """Line number and text of some records.

    Args:
        data: the file's bytes.
        records: positions among the well-formed records, from 0.
        malformed: lines of the records that :func:`parse` left out.
    """
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    well_formed = ((line, raw) for line, raw, _ in _records(text) if line not in malformed)
    return {position: where for position, where in enumerate(well_formed) if position in records}


def _records(text: str) -> Iterator[tuple[int, str, list[str]]]:
    """First line number, text and values of every record after the header; blank lines are none."""
    lines = io.StringIO(text, newline="").readlines()
    reader = csv.reader(lines)
    next(reader)
    start = reader.line_num
    for record in reader:
        if record:
            raw = "".join(lines[start : reader.line_num]).rstrip("\r\n")
            yield start + 1, raw[:MAX_RAW], record
        start = reader.line_num


def _ends_with_newline(text: str) -> bool:
    return text.endswith(("\n", "\r"))


def _last_line(text: str) -> int:
    return len(io.StringIO(text, newline="").readlines())
