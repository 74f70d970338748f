"""Training, validation and holdout rows of one version of the feature table, split by what was known when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from airworthy.errors import AirworthyError
from airworthy.lake import tables
from airworthy.lake.lake import Lake
from airworthy.model import kinds
from airworthy.model.encoder import Encoder

if TYPE_CHECKING:
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec

#: Share of the days before the holdout that selects the epoch, and its bounds in days.
VALIDATION_SHARE, VALIDATION_DAYS = 0.05, (1, 14)
DAY = timedelta(days=1)


class DatasetError(AirworthyError):
    """The snapshot cannot be trained on: it lacks columns or rows."""


@dataclass(frozen=True)
class Snapshot:
    """One version of the feature table, split by time. Rows are ordered by event time, then key.

    Attributes:
        version: Delta version of the table.
        data_until: newest event time whose label is known.
        holdout_from: first moment of the holdout, midnight UTC.
        train: happened before the validation begins, label known by then.
        validation: the days before the holdout, label known before it begins; selects the epoch.
        holdout: the last ``holdout_days``.
    """

    version: int
    data_until: datetime
    holdout_from: datetime
    train: pa.Table
    validation: pa.Table
    holdout: pa.Table

    @property
    def known_before_holdout(self) -> pa.Table:
        """Training and validation rows together, in time order."""
        return pa.concat_tables([self.train, self.validation])


class EncodedRows(NamedTuple):
    """Rows as the network takes them: categorical int64 [n, C], numeric float32 [n, F], labels float32 [n]."""

    categorical: NDArray[np.int64]
    numeric: NDArray[np.float32]
    labels: NDArray[np.float32]


@dataclass(frozen=True)
class TrainingData:
    """What a network is trained on and its epochs are chosen by.

    Attributes:
        columns: the features of the training rows, before encoding.
    """

    snapshot: Snapshot
    encoder: Encoder
    columns: dict[str, Any]
    train: EncodedRows
    validation: EncodedRows

    @classmethod
    def load(cls, spec: PipelineSpec, settings: Settings, version: int) -> TrainingData:
        """Read a version of the feature table, learn the encoder of its training rows, and encode.

        Raises:
            DatasetError, TableMissing: as `load` says.
        """
        snapshot = load(spec, settings, version)
        columns = features(spec, snapshot.train)
        encoder = Encoder.fit(spec, columns)
        train = EncodedRows(*encoder.encode(columns), labels(spec, snapshot.train))
        validation = encoder.encode(features(spec, snapshot.validation))
        return cls(snapshot, encoder, columns, train, EncodedRows(*validation, labels(spec, snapshot.validation)))


def load(spec: PipelineSpec, settings: Settings, version: int) -> Snapshot:
    """Read ``features/training`` at a Delta version and split it.

    Raises:
        DatasetError: a column of the spec is missing, or there are too few rows to train or to judge.
        TableMissing: there is no such version.
    """
    lake = Lake.of(settings)
    table = tables.training(spec.name)
    wanted = columns_of(spec)
    if missing := sorted(set(wanted) - set(lake.schema(table, version).names)):
        raise DatasetError(
            f"{lake.uri(table)} version {version} lacks the columns {missing}",
            next_step="build the features again with this pipeline.yaml",
        )
    return split(spec, lake.read(table, version, columns=wanted), version)


def raw_versions(spec: PipelineSpec, settings: Settings, version: int) -> str:
    """The raw tables' Delta versions that this version was built from, as JSON; ``{}`` if its commit does not say."""
    return str(Lake.of(settings).metadata(tables.training(spec.name), version).get("raw_versions", "{}"))


def columns_of(spec: PipelineSpec) -> list[str]:
    """The columns that training and evaluation need."""
    times = [spec.key, spec.event_time, spec.known_at, spec.label.name]
    return list(dict.fromkeys([*times, *spec.features.categorical, *spec.features.numeric, *spec.gates.slices]))


def split(spec: PipelineSpec, rows: pa.Table, version: int) -> Snapshot:
    """Split by time so that nothing is trained on that was not known when the holdout began.

    A row belongs to training only if its label was *known* before the next part begins, not merely if it happened
    before: in production, the model trained at that moment could not have seen it.

    Raises:
        DatasetError: too few rows, or labels that a task of this kind cannot use.
    """
    event, known = pc.field(spec.event_time), pc.field(spec.known_at)
    rows = rows.filter(pc.field(spec.label.name).is_valid() & known.is_valid() & event.is_valid())
    if rows.num_rows == 0:
        raise DatasetError(
            f"features version {version} has no row with a known {spec.label.name!r}",
            next_step="load more data: labels are known only after the event; docs/runbook.md#too-little-data",
        )
    rows = rows.sort_by([(spec.event_time, "ascending"), (spec.key, "ascending")]).combine_chunks()
    first, last = (_utc(rows[spec.event_time][i].as_py()) for i in (0, -1))
    holdout_from = _midnight(last) + DAY - spec.training.holdout_days * DAY
    days = (holdout_from - first) / DAY * VALIDATION_SHARE
    validation_from = holdout_from - DAY * round(min(max(days, VALIDATION_DAYS[0]), VALIDATION_DAYS[1]))
    holdout_start, validation_start = (
        pa.scalar(moment, rows.schema.field(spec.event_time).type) for moment in (holdout_from, validation_from)
    )
    snapshot = Snapshot(
        version=version,
        data_until=last,
        holdout_from=holdout_from,
        train=rows.filter((event < validation_start) & (known < validation_start)),
        validation=rows.filter((event >= validation_start) & (event < holdout_start) & (known < holdout_start)),
        holdout=rows.filter(event >= holdout_start),
    )
    _check(spec, snapshot, first)
    return snapshot


def _check(spec: PipelineSpec, snapshot: Snapshot, first: datetime) -> None:
    span = f"from {first:%Y-%m-%d} to {snapshot.data_until:%Y-%m-%d}, holdout from {snapshot.holdout_from:%Y-%m-%d}"
    if snapshot.train.num_rows < spec.training.min_rows:
        raise DatasetError(
            f"{snapshot.train.num_rows} training rows (features version {snapshot.version}, {span}), "
            f"at least training.min_rows = {spec.training.min_rows} expected",
            next_step="load more data, or lower training.holdout_days or min_rows; docs/runbook.md#too-little-data",
        )
    for part, table in (
        ("training", snapshot.train),
        ("validation", snapshot.validation),
        ("holdout", snapshot.holdout),
    ):
        if problem := kinds.of(spec).target_problem(sorted(pc.unique(table[spec.label.name]).to_pylist())):
            raise DatasetError(
                f"the {table.num_rows} {part} rows ({span}) have {spec.label.name} = {problem}",
                next_step="load more data, or look at how the label is built",
            )


def features(spec: PipelineSpec, table: pa.Table) -> dict[str, Any]:
    """The feature columns as the encoder takes them: lists of strings and arrays of floats (NaN for missing)."""
    columns: dict[str, Any] = {name: table[name].to_pylist() for name in spec.features.categorical}
    for name in spec.features.numeric:
        columns[name] = table[name].cast(pa.float64()).to_numpy()
    return columns


def labels(spec: PipelineSpec, table: pa.Table) -> NDArray[np.float32]:
    """The labels as numbers, [n]."""
    return table[spec.label.name].cast(pa.float32()).to_numpy().copy()  # Arrow's own memory is read-only


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
