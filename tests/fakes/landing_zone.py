"""A small source's contract, its landing zone and its lake in a folder."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airworthy.ingest.report import IngestReport
from airworthy.ingest.take import take_landed
from airworthy.lake.lake import Lake
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec

HEADER = "id,day,value,at\n"
OLD = datetime(2013, 1, 1, tzinfo=UTC)
SPEC = PipelineSpec.model_validate(
    {
        "name": "demo",
        "sources": {
            "things": {
                "path": "things/*.csv",
                "key": ["id"],
                "partition_by": ["day"],
                "columns": {
                    "id": {"type": "int", "min": 0},
                    "day": {"type": "int", "min": 1, "max": 31},
                    "value": {"type": "float", "max": 100, "nullable": True},
                    "at": {"type": "timestamp"},
                },
            }
        },
        "key": "id",
        "event_time": "at",
        "prediction_time": "at",
        "known_at": "at",
        "label": {"name": "late"},
        "features": {"request": {"numeric": ["value"]}},
        "release": {"approvers": ["approver"]},
    }
)


def line(number: int, day: int = 1, value: str = "1.5", at: str = "2013-01-01T10:00:00Z") -> str:
    """A row of `things`, good unless an argument is not."""
    return f"{number},{day},{value},{at}\n"


class Zone:
    """A landing zone and a lake below one folder."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(home=folder, lake=str(folder / "lake"), landing=str(folder / "landing"))
        self.lake = Lake.of(self.settings)

    def put(self, name: str, content: str | bytes, modified: datetime = OLD) -> Path:
        """Land a file of `things`."""
        path = Path(self.settings.landing) / "things" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (modified.timestamp(), modified.timestamp()))
        return path

    def take(self, **options: Any) -> IngestReport:
        """One ingestion."""
        return take_landed(SPEC, self.settings, **options)

    def ids(self) -> list[int]:
        """Keys of the raw table, sorted."""
        return (
            sorted(self.lake.read("demo/raw/things")["id"].to_pylist()) if self.lake.exists("demo/raw/things") else []
        )

    def quarantine(self) -> list[tuple[Any, ...]]:
        """file, row, column, value, reason; ordered."""
        if not self.lake.exists("demo/quarantine/things"):
            return []
        rows = self.lake.read("demo/quarantine/things").to_pylist()
        names = ("file", "row", "column", "value", "reason")
        return sorted((tuple(row[n] for n in names) for row in rows), key=str)

    def versions(self) -> dict[str, int | None]:
        """Version of every table that ingestion writes."""
        return {t: self.lake.version(f"demo/{t}") for t in ("raw/things", "quarantine/things", "ingested")}
