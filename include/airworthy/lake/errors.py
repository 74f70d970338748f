"""What can go wrong with a table of the lake."""

from __future__ import annotations

from airworthy.errors import AirworthyError


class LakeError(AirworthyError):
    """A table cannot be read or written as asked."""


class TableMissing(LakeError):
    """The table, or that version of it, does not exist."""


class LakeConflict(LakeError):
    """Another writer committed part of the same work meanwhile: plan again from the table as it is now."""
