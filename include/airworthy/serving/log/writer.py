"""The prediction log: a sample of all answers with their features, in the lake, without ever delaying an answer."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from airworthy.lake import tables
from airworthy.model import kinds
from airworthy.serving.log.spool import Spool, read
from airworthy.traffic.prediction_log import PARTITION_BY, feature_columns, schema
from airworthy.traffic.split import sampled

if TYPE_CHECKING:
    from airworthy.lake.lake import Lake
    from airworthy.serving.answer.rows import Predictions
    from airworthy.serving.metrics import ServiceMetrics
    from airworthy.serving.options import ServiceOptions
    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Row:
    at: float
    predictions: Predictions
    index: int


class PredictionLogWriter:
    """Collects answers in memory, spools them every half second, commits them to the lake every few seconds.

    A full disk or an absent lake never reaches the callers: rows wait, in bounded space, and what does not fit is
    dropped and counted (``airworthy_prediction_log_rows_total{outcome="dropped"}``).

    Args:
        spec: says what fraction of the keys is logged.
        root: folder of the spool files.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        spec: PipelineSpec,
        lake: Lake,
        root: Path,
        metrics: ServiceMetrics,
        options: ServiceOptions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._spec = spec
        self._lake = lake
        self._options = options
        self._clock = clock
        self._rate = spec.monitoring.prediction_log_rate
        self._output = kinds.of(spec).output
        self._schema = schema(spec, self._output)
        request = spec.features.request
        own = [*request.categorical, *request.numeric]
        self._own_columns = dict(zip(own, feature_columns(own, self._output), strict=True))
        views = [name for view in spec.features.views.values() for name in view.features]
        self._view_columns = feature_columns(views, self._output)
        self._spool = Spool(root, max_bytes=options.max_spool_bytes)
        self._committed = metrics.log_rows.labels(spec.name, "committed")
        self._dropped = metrics.log_rows.labels(spec.name, "dropped")
        self._waiting: deque[_Row] = deque()
        self._spooled = 0
        self._last_commit = time.monotonic()
        self._number = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"log {spec.name}", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self, seconds: float = 10.0) -> None:
        """Write what is left; what does not reach the lake in time stays in the spool for the next start."""
        self._stop.set()
        self._thread.join(seconds)

    def record(self, predictions: Predictions) -> None:
        """Remember the sampled ones of these predictions; never blocks. Call it after the answer was sent."""
        now = self._clock()
        for index, prediction in enumerate(predictions.predictions):
            if sampled(prediction.key, self._rate):
                if len(self._waiting) >= self._options.max_log_rows:
                    self._dropped.inc()
                else:
                    self._waiting.append(_Row(now, predictions, index))

    def _run(self) -> None:
        self._take_over()
        while not self._stop.wait(self._options.spool_seconds):
            self._tick(last=False)
        self._tick(last=True)
        self._spool.release(remove=True)

    def _tick(self, *, last: bool) -> None:
        try:
            self._write()
        except OSError as error:
            log.error("%s: the prediction log's spool cannot be written: %s", self._spec.name, error)
        due = time.monotonic() - self._last_commit >= self._options.commit_seconds
        if last or due or self._spooled >= self._options.commit_rows:
            self._last_commit = time.monotonic()
            try:
                if self._spooled:
                    self._spool.close_file()
                    self._spooled = 0
                self._commit(self._spool)
                if not last:
                    self._take_over()
            except Exception as error:
                log.error("%s: the prediction log waits for the lake: %s", self._spec.name, error)

    def _write(self) -> None:
        count = len(self._waiting)
        if not count:
            return
        rows = [self._waiting[i] for i in range(count)]
        self._spool.append([self._as_dict(row) for row in rows])
        # only now: a failed write keeps them for the next attempt
        for _ in rows:
            self._waiting.popleft()
        self._spooled += count

    def _take_over(self) -> None:
        """Commit what processes left that were killed."""
        for spool in self._spool.abandoned():
            try:
                self._commit(spool)
            except Exception as error:
                log.error("%s: an earlier process' predictions wait for the lake: %s", self._spec.name, error)
                return
            spool.release(remove=True)

    def _commit(self, spool: Spool) -> None:
        """Closed files into the lake, oldest first: a later transaction must not overtake an earlier one."""
        for sequence, path in spool.closed_files():
            rows = read(path)
            try:
                data = _table(rows, self._schema)
            except (pa.ArrowException, TypeError, ValueError) as error:
                # it will never fit: out of the way of those that do
                kept = path.replace(path.with_suffix(".unreadable"))
                log.error("%s: %d logged predictions do not fit the log, kept in %s: %s",
                          self._spec.name, len(rows), kept, error)  # fmt: skip
                self._dropped.inc(len(rows))
                continue
            if rows:
                transaction = (f"predictions-{spool.id}", sequence)
                self._lake.append(
                    tables.predictions(self._spec.name), data, partition_by=[*PARTITION_BY], transaction=transaction
                )
                self._committed.inc(len(rows))
            path.unlink()

    def _as_dict(self, row: _Row) -> dict[str, Any]:
        predictions, rows, i = row.predictions, row.predictions.rows, row.index
        prediction = predictions.predictions[i]
        versions = {m.version: m for m in (rows.active.champion, rows.active.challenger) if m is not None}
        at = datetime.fromtimestamp(row.at, UTC)
        features = {self._own_columns[name]: value for name, value in rows.own[i].items() if name in self._own_columns}
        features |= zip(self._view_columns, predictions.online[i].tolist(), strict=True)
        self._number += 1
        return {
            "prediction_id": f"{self._spool.id}-{self._number}",
            "key": prediction.key,
            "at": at.isoformat(),
            "prediction_time": datetime.fromtimestamp(rows.at[i], UTC).isoformat(),
            "date": f"{at:%Y-%m-%d}",
            "release_id": predictions.release_id,
            "variant": prediction.variant,
            "version": prediction.version,
            "data_version": getattr(versions.get(prediction.version), "data_version", None),
            self._output: prediction.value,
            "fallback": prediction.fallback,
            **features,
        }


def _table(rows: list[dict[str, Any]], wanted: pa.Schema) -> pa.Table:
    """Arrow columns of spooled rows; times were written as ISO text."""
    columns: dict[str, pa.Array] = {}
    for column in wanted:
        values = [row.get(column.name) for row in rows]
        if pa.types.is_timestamp(column.type):
            values = [None if value is None else datetime.fromisoformat(value) for value in values]
        columns[column.name] = pa.array(values, column.type)
    return pa.table(columns, schema=wanted)
