"""The `sources` section: the raw files of a model, and the contract of their rows."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from airworthy.spec.base import Section

ColumnType = Literal["int", "float", "string", "timestamp", "bool"]


class Column(Section):
    """What one raw column must be; rows that are not go to quarantine."""

    type: ColumnType = Field(description="of every value; a timestamp is ISO 8601, UTC if it does not say otherwise")
    nullable: bool = Field(False, description="may a value be missing?")
    min: float | None = Field(None, description="smallest value allowed")
    max: float | None = Field(None, description="largest value allowed")

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is greater than max {self.max}")
        return self


class Source(Section):
    """Raw files of one kind, and the contract of their rows."""

    path: str = Field(description="glob below the landing zone, e.g. flights/*.csv")
    key: list[str] = Field(min_length=1, description="columns that identify a row; the first copy wins")
    columns: dict[str, Column] = Field(min_length=1, description="the contract by column; others are ignored")
    partition_by: list[str] = Field([], description="columns whose values become folders of the raw table")

    @model_validator(mode="after")
    def _columns_exist(self) -> Self:
        for field in ("key", "partition_by"):
            if unknown := set(getattr(self, field)) - set(self.columns):
                raise ValueError(f"{field} names {sorted(unknown)}, which are not among columns")
        return self
