"""What can be wrong with landed data: with a whole file, with one of its rows, with one value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FileFault:
    """Why no row of a file can be used."""

    reason: str
    row: int | None = None  # line number, the header is 1
    column: str | None = None
    truncated: bool = False  # a file that is still being written looks the same


@dataclass(frozen=True)
class RowFault:
    """Why one row cannot be used."""

    row: int  # line number, the header is 1
    raw: str  # the line itself
    reason: str
    column: str | None = None
    value: str | None = None


@dataclass(frozen=True)
class ValueFault:
    """One value that breaks the contract. ``row`` counts from 0 in the table that was checked."""

    row: int
    column: str
    value: str | None
    reason: str
