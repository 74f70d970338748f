"""The published pointer: which version of the feature table passed validation and may be trained on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airworthy.errors import AirworthyError
from airworthy.lake import tables

if TYPE_CHECKING:
    from airworthy.lake.lake import Lake
    from airworthy.spec.pipeline import PipelineSpec


class NothingPublished(AirworthyError):
    """No version of the feature table has passed validation yet."""


@dataclass(frozen=True)
class Published:
    """A validated version of ``features/training``.

    Attributes:
        version: Delta version of the feature table.
        raw_versions: Delta version of each raw table it was built from.
        validation: what the expectation suite said, as JSON-able data.
        at: when it was published, UTC.
    """

    version: int
    raw_versions: dict[str, int]
    validation: dict[str, Any]
    at: datetime


def publish(
    lake: Lake, spec: PipelineSpec, *, version: int, raw_versions: dict[str, int], validation: dict[str, Any]
) -> bool:
    """Make ``version`` the published one; publishing the same version again changes nothing.

    Returns:
        Whether this call changed the pointer.
    """
    import pyarrow as pa

    current = history(lake, spec)
    if current and current[-1].version == version:
        return False
    row = {
        "version": [version],
        "raw_versions": [json.dumps(raw_versions, sort_keys=True)],
        "validation": [json.dumps(validation, sort_keys=True, default=str)],
        "at": pa.array([datetime.now(UTC)], pa.timestamp("us", "UTC")),
    }
    lake.append(tables.published(spec.name), pa.table(row), transaction=(f"publish-{spec.name}", version))
    return True


def latest(lake: Lake, spec: PipelineSpec) -> Published:
    """The version that training reads.

    Raises:
        NothingPublished: the data DAG has not yet got through.
    """
    rows = history(lake, spec)
    if not rows:
        raise NothingPublished(
            f"no published features of {spec.name!r} in {lake.uri(tables.published(spec.name))}",
            next_step=f"run {spec.name}.data and look at its validate task; docs/runbook.md#nothing-published",
        )
    return rows[-1]


def history(lake: Lake, spec: PipelineSpec) -> list[Published]:
    """Everything that was published, oldest first."""
    if not lake.exists(tables.published(spec.name)):
        return []
    rows = [
        Published(row["version"], json.loads(row["raw_versions"]), json.loads(row["validation"]), row["at"])
        for row in lake.read(tables.published(spec.name)).to_pylist()
    ]
    return sorted(rows, key=lambda row: row.at)
