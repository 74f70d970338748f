"""The Spark application that builds a pipeline's feature tables: ``spark-submit job.py --pipeline NAME``."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import TYPE_CHECKING

from airworthy.errors import AirworthyError
from airworthy.features.build.digest import features_digest
from airworthy.features.session import spark_address, spark_session
from airworthy.lake import tables
from airworthy.lake.lake import Lake
from airworthy.lake.tables import TRAINING
from airworthy.settings import Settings, from_environment
from airworthy.spec import folders

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger("airworthy.features")

#: Under which a commit remembers :func:`features_digest`; older than the digest's name.
DIGEST = "code_version"


class FeatureError(AirworthyError):
    """The feature tables cannot be built."""


@dataclass(frozen=True)
class Inputs:
    """What a build is made from; with the same inputs there is nothing to do.

    Attributes:
        raw_versions: Delta version of each source's raw table.
        digest: of the code and the specification, see :func:`features_digest`.
        as_of: the time that was asked for; None for the end of the raw data.
    """

    raw_versions: dict[str, int]
    digest: str
    as_of: datetime | None

    def metadata(self, as_of: datetime) -> dict[str, str]:
        """What the tables' commits remember; ``as_of`` is the time that came of it."""
        return {
            "raw_versions": json.dumps(self.raw_versions, sort_keys=True),
            DIGEST: self.digest,
            "as_of": as_of.isoformat(),
            "as_of_is_end_of_data": json.dumps(self.as_of is None or as_of < self.as_of),
        }

    def made(self, metadata: Mapping[str, str]) -> datetime | None:
        """The time that a table with this metadata is as of, if it is the one that is asked for."""
        same = json.dumps(self.raw_versions, sort_keys=True), self.digest
        if (metadata.get("raw_versions"), metadata.get(DIGEST)) != same:
            return None
        built = datetime.fromisoformat(metadata["as_of"])
        if json.loads(metadata["as_of_is_end_of_data"]):
            asked = self.as_of is None or self.as_of >= built
        else:
            asked = self.as_of == built
        return built if asked else None


@dataclass(frozen=True)
class Build:
    """What one run of the job did."""

    changed: bool  # False: the tables were already those of these inputs
    as_of: datetime
    inputs: Inputs
    versions: dict[str, int]  # Delta versions by table: training and each view


def build_features(
    spec: PipelineSpec,
    settings: Settings,
    *,
    as_of: datetime | None = None,
    session: SparkSession | None = None,
) -> Build:
    """Bring ``features/training`` and every feature view up to the newest raw tables.

    Everything is built anew and each table replaced in one Delta commit. Rewriting only new months would be wrong: a
    row that arrives late changes the rolling features of all rows up to 30 days after it. Killed at any time, each
    table is at its old or its new version; the training table is committed last, so its version says that all are new.
    A second run on the same raw versions with the same code changes nothing and starts no Spark.

    Args:
        spec: the pipeline.
        settings: where the lake is.
        as_of: nothing known later is used. None, or later than the raw data reaches: the end of the raw data, since
            features as of a time without data would describe a world at a standstill.
        session: None to start one, and stop it afterwards.

    Raises:
        FeatureError: a raw table is missing, or a frame lacks a column of the spec.
    """
    lake = Lake.of(settings)
    inputs = Inputs(_raw_versions(lake, spec), features_digest(spec, settings.pipelines), as_of)
    if done := _done(lake, spec, inputs):
        log.info(
            "nothing to do: these are the features of raw versions %s, code %s", inputs.raw_versions, inputs.digest
        )
        return done
    module = folders.code(settings.pipelines, spec.name, "features")
    with _timed("start the Spark session"):
        spark = session or spark_session(
            f"{spec.name}.features",
            storage_options=settings.storage_options if settings.lake.startswith("s3") else None,
        )
    try:
        return _build(spark, spec, lake, module, inputs)
    finally:
        if session is None:
            spark.stop()


def _build(spark: SparkSession, spec: PipelineSpec, lake: Lake, module: ModuleType, inputs: Inputs) -> Build:
    raw = {name: _raw_frame(spark, lake, spec, name, version) for name, version in inputs.raw_versions.items()}
    with _timed("read and plan"):
        frames: dict[str, DataFrame] = module.build(spark, raw, spec, inputs.as_of)
    _check_columns(frames, spec)
    with _timed("compute the first view") as seen:
        as_of = _as_of(frames[next(iter(spec.features.views))])
        seen["as of"] = as_of.isoformat()
    versions: dict[str, int] = {}
    for name in [*spec.features.views, TRAINING]:
        with _timed(name) as seen:
            versions[name], seen["rows"] = _write(frames[name], spec, lake, name, inputs.metadata(as_of))
            seen["version"] = versions[name]
    return Build(True, as_of, inputs, versions)


def _write(frame: DataFrame, spec: PipelineSpec, lake: Lake, name: str, metadata: dict[str, str]) -> tuple[int, int]:
    """Replace a table with the frame; the table's version and number of rows."""
    from pyspark.sql import Observation
    from pyspark.sql import functions as sf

    staged = lake.staged(tables.view(spec.name, name), "build", partition_by=["month"] if name == TRAINING else [])
    if staged.partition_by:
        frame = frame.repartition("month").sortWithinPartitions("month", spec.event_time)
    counted = Observation()
    frame = frame.observe(counted, sf.count(sf.lit(1)).alias("rows"))
    frame.write.mode("overwrite").partitionBy(*staged.partition_by).parquet(spark_address(staged.folder))
    return lake.commit_staged(staged, metadata=metadata), counted.get["rows"]


def _raw_versions(lake: Lake, spec: PipelineSpec) -> dict[str, int]:
    versions = {name: lake.version(tables.raw(spec.name, name)) for name in spec.sources}
    if missing := sorted(name for name, version in versions.items() if version is None):
        raise FeatureError(
            f"no raw table for {missing} below {lake.uri(spec.name, 'raw')}",
            next_step="land files of these sources, then run the ingest task; docs/runbook.md#no-raw-table",
        )
    return {name: version for name, version in versions.items() if version is not None}


def _done(lake: Lake, spec: PipelineSpec, inputs: Inputs) -> Build | None:
    """The build that is there already, if it is the one asked for."""
    names = [*spec.features.views, TRAINING]
    versions = {name: lake.version(tables.view(spec.name, name)) for name in names}
    if any(version is None for version in versions.values()):
        return None
    built = inputs.made(lake.metadata(tables.training(spec.name)))
    if built is None:
        return None
    return Build(False, built, inputs, {name: v for name, v in versions.items() if v is not None})


def _raw_frame(spark: SparkSession, lake: Lake, spec: PipelineSpec, name: str, version: int) -> DataFrame:
    from pyspark.sql.pandas.types import from_arrow_schema

    table = tables.raw(spec.name, name)
    files = [spark_address(uri) for uri in lake.files(table, version)]
    # given, so that Spark does not open the files to find out
    schema = from_arrow_schema(lake.schema(table, version))
    return spark.read.schema(schema).option("basePath", spark_address(lake.uri(table))).parquet(*files)


def _check_columns(frames: dict[str, DataFrame], spec: PipelineSpec) -> None:
    expected = {
        TRAINING: {
            spec.key,
            spec.event_time,
            spec.prediction_time,
            spec.known_at,
            spec.label.name,
            "month",
            *spec.features.categorical,
            *spec.features.numeric,
        },
        **{name: {v.entity, "event_timestamp", *v.features} for name, v in spec.features.views.items()},
    }
    for name, columns in expected.items():
        found = set(frames[name].columns) if name in frames else set()
        if found != columns:
            raise FeatureError(
                f"{spec.name}: features.build gives {name!r} the wrong columns: missing {sorted(columns - found)}, "
                f"not in pipeline.yaml {sorted(found - columns)}",
                next_step=f"make pipelines/{spec.name}/features.py and pipeline.yaml name the same features",
            )


def _as_of(view: DataFrame) -> datetime:
    """The time that a view is as of; the epoch if it is empty."""
    from pyspark.sql import functions as sf

    row = view.agg(sf.unix_micros(sf.max("event_timestamp"))).first()
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=(row and row[0]) or 0)


@contextmanager
def _timed(work: str) -> Iterator[dict[str, object]]:
    """Log how long it took, with whatever is put into the mapping meanwhile."""
    seen: dict[str, object] = {}
    start = time.monotonic()
    yield seen
    details = ", ".join(f"{key} {value}" for key, value in seen.items())
    log.info("%s: %.1f s%s", work, time.monotonic() - start, f" ({details})" if details else "")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", required=True, help="name of the folder below the pipelines folder")
    parser.add_argument("--as-of", type=_moment, help="ISO 8601, UTC unless it says otherwise; default: all raw data")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("py4j").setLevel(logging.WARNING)
    settings = from_environment()
    try:
        built = build_features(folders.load(settings.pipelines, options.pipeline), settings, as_of=options.as_of)
    except AirworthyError as error:
        log.error("%s", error)
        return 1
    log.info("features as of %s: versions %s", built.as_of.isoformat(), built.versions)
    return 0


def _moment(text: str) -> datetime | None:
    if not text:  # what a template without a value becomes
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
