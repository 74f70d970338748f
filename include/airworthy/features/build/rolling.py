"""Rolling features of many entities in one pass of Spark, for past rows and for now alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airworthy.features.build.kernel import one_axis, rolling

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Mean:
    """The mean of a column over the events that became known within ``window`` before the question."""

    column: str
    window: timedelta


@dataclass(frozen=True)
class Count:
    """How many events became known within ``window`` before the question."""

    window: timedelta


Statistic = Mean | Count


@dataclass(frozen=True)
class RollingView:
    """The rolling features of one entity, e.g. a route."""

    entity: str
    features: Mapping[str, Statistic]


@dataclass(frozen=True)
class RollingFrames:
    """The same statistics, asked twice: per row at its own time, and per entity at ``as_of``."""

    by_row: DataFrame  # key, and every feature of every view
    latest: dict[str, DataFrame]  # by view: its entity, event_timestamp and its features


def rolling_features(
    rows: DataFrame,
    views: Mapping[str, RollingView],
    *,
    key: str,
    asked_at: str,
    known_at: str,
    as_of: datetime,
) -> RollingFrames:
    """Every view's features for every row, and for every entity as of ``as_of``.

    Each row is a question (at ``asked_at``) and, once ``known_at`` is not null, an event. Both kinds of answer come
    out of one call of the kernel, so what training saw and what the online store serves agree by construction.
    Where an entity has no event in a window, mean and count are both null: a row of an entity never seen before then
    looks like an online lookup that finds nothing.

    Cost: one shuffle of rows x views into entities, one back by ``key``; then the kernel sees a whole partition at
    once (about 100 bytes of worker memory per row and view: raise ``spark.sql.shuffle.partitions`` with the data).

    Args:
        rows: one row per event, with unique ``key``, the times, each view's entity (string, null: not part of that
            view) and the columns the means are over (null only where ``known_at`` is null).
        views: by name.
        key: name of the unique string column.
        asked_at, known_at: names of timestamp columns.
        as_of: the time of :attr:`RollingFrames.latest`, with a zone.
    """
    from pyspark.sql import functions as sf

    means = (s for view in views.values() for s in view.features.values() if isinstance(s, Mean))
    columns = sorted({mean.column for mean in means})
    entities = [
        sf.struct(sf.lit(i).alias("view"), sf.col(view.entity).alias("entity")) for i, view in enumerate(views.values())
    ]
    asked = (
        rows.select(
            sf.inline(sf.array(*entities)),
            sf.col(key).alias("key"),
            sf.unix_micros(asked_at).alias("asked_at"),
            sf.unix_micros(known_at).alias("known_at"),
            *(sf.col(column).cast("double").alias(column) for column in columns),
        )
        .where("entity is not null")
        .repartition("view", "entity")
    )
    statistics = WindowStatistics(list(views.values()), (as_of - EPOCH) // MICROSECOND)
    answers = asked.mapInArrow(statistics.of_partition, statistics.ddl).persist()
    by_row = (
        answers.where("key is not null")
        .groupBy("key")
        .agg(
            *(
                sf.max(sf.when(sf.col("view") == i, sf.col(f"f{j}"))).alias(feature)
                for i, view in enumerate(views.values())
                for j, feature in enumerate(view.features)
            )
        )
        .withColumnRenamed("key", key)
    )
    latest = {
        name: answers.where((sf.col("view") == i) & sf.col("key").isNull()).select(
            sf.col("entity").alias(view.entity),
            sf.lit(as_of).alias("event_timestamp"),
            *(sf.col(f"f{j}").alias(feature) for j, feature in enumerate(view.features)),
        )
        for i, (name, view) in enumerate(views.items())
    }
    return RollingFrames(by_row, latest)


@dataclass(frozen=True)
class WindowStatistics:
    """What Spark's workers compute of one partition, which has every row of the entities in it.

    Attributes:
        views: their places in this list are the numbers in the column ``view``.
        as_of: the time every entity is asked about besides, microseconds since 1970.
    """

    views: Sequence[RollingView]
    as_of: int

    @property
    def width(self) -> int:
        """Features of the view that has most: so many columns ``f0``, ``f1``, ... an answer has."""
        return max(len(view.features) for view in self.views)

    @property
    def ddl(self) -> str:
        """The answers' columns, for Spark."""
        return "view int, entity string, key string, " + ", ".join(f"f{j} float" for j in range(self.width))

    def of_partition(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Every row's features, then every entity's as of :attr:`as_of` (``key`` is null there, else ``entity`` is).

        Args:
            batches: ``view`` (int), ``entity``, ``key`` (strings), ``asked_at``, ``known_at`` (microseconds; null: not
                known yet) and the columns that means are over (doubles).
        """
        received = list(batches)
        if not received:
            return
        table = pa.Table.from_batches(received)
        for i in range(len(self.views)):
            part = table.filter(pc.equal(table["view"], i))
            if part.num_rows:
                yield from self._view(i, part).to_batches(max_chunksize=50_000)

    def _view(self, i: int, table: pa.Table) -> pa.Table:
        names = table["entity"].combine_chunks().dictionary_encode()
        entity = names.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        asked_at = np.append(table["asked_at"].to_numpy(), np.full(len(names.dictionary), self.as_of))
        asker = np.append(entity, np.arange(len(names.dictionary)))
        known = pc.is_valid(table["known_at"]).to_numpy()
        known_at = table["known_at"].filter(known).to_numpy()

        longest = max(statistic.window for statistic in self.views[i].features.values()) // MICROSECOND
        times = np.append(asked_at, known_at)
        start = int(times.min())
        axis = partial(one_axis, start=start, stretch=int(times.max()) - start + longest + 1)
        landed = axis(entity[known], known_at)
        order = np.argsort(landed, kind="stable")
        landed, queries = landed[order], axis(asker, asked_at)

        arrays: dict[str, Any] = {}
        for j, statistic in enumerate(self.views[i].features.values()):
            values = np.zeros(len(landed))
            if isinstance(statistic, Mean):
                values = table[statistic.column].filter(known).to_numpy()[order]
            count, total = rolling(landed, values, queries, statistic.window // MICROSECOND)
            result = total / np.maximum(count, 1) if isinstance(statistic, Mean) else count
            arrays[f"f{j}"] = pa.array(result.astype(np.float32), mask=count == 0)
        rows, entities = table.num_rows, len(names.dictionary)
        return pa.table(
            {
                "view": pa.array(np.full(rows + entities, i, dtype=np.int32)),
                "entity": pa.chunked_array([pa.nulls(rows, pa.string()), names.dictionary.cast(pa.string())]),
                "key": pa.chunked_array([*table["key"].chunks, pa.nulls(entities, pa.string())]),
                **{f"f{j}": arrays.get(f"f{j}", pa.nulls(rows + entities, pa.float32())) for j in range(self.width)},
            }
        )


def latest_observation(
    questions: DataFrame,
    *,
    observations: DataFrame,
    entity: str,
    asked_at: str,
    observed_at: str,
    max_age: timedelta,
    features: Sequence[str],
) -> DataFrame:
    """Each question with the newest observation of its entity that is at or before it and younger than ``max_age``.

    An observation is valid from its time until the next one, at most ``max_age``; a question meets the (one)
    observation that is valid in its hour, through a broadcast: no shuffle of the questions. Observations must fit
    into the driver's memory, as hourly ones do.

    Args:
        questions: any columns, with ``entity`` and the timestamp ``asked_at``.
        observations: ``entity``, the timestamp ``observed_at`` and ``features``; unique by the first two.

    Returns:
        ``questions`` and the features, null where there is no such observation.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as sf

    age = sf.expr(f"interval {max_age // timedelta(seconds=1)} seconds")
    following = sf.lead(observed_at).over(Window.partitionBy(entity).orderBy(observed_at))
    hour = sf.expr("interval 1 hour")
    valid = (
        observations.select(entity, observed_at, *(sf.col(name).cast("float").alias(name) for name in features))
        .withColumn("_until", sf.least(following, sf.col(observed_at) + age))
        .withColumn(
            "_hour",
            sf.explode(sf.sequence(sf.date_trunc("hour", observed_at), sf.date_trunc("hour", "_until"), hour)),
        )
        .withColumnsRenamed({entity: "_entity", observed_at: "_observed_at"})
    )
    return questions.join(
        sf.broadcast(valid),
        (sf.col(entity) == sf.col("_entity"))
        & (sf.date_trunc("hour", asked_at) == sf.col("_hour"))
        & (sf.col(asked_at) >= sf.col("_observed_at"))
        & (sf.col(asked_at) < sf.col("_until")),
        "left",
    ).drop("_entity", "_observed_at", "_until", "_hour")
