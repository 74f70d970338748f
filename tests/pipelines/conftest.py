"""The example's raw tables in Spark: three real days, as ingestion leaves them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING

import pytest

from airworthy.features.session import spark_session
from airworthy.ingest.take import take_landed
from airworthy.lake.lake import Lake
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec
from airworthy_demo.world import World

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """One session for all Spark tests; it ends with the process, since starting a second JVM costs seconds."""
    yield spark_session("tests", master="local[2]")


@pytest.fixture(scope="session")
def raw(spark: SparkSession, spec: PipelineSpec, tmp_path_factory: pytest.TempPathFactory) -> dict[str, DataFrame]:
    """Flights, weather and planes of 11 to 13 January 2013."""
    settings = Settings(home=tmp_path_factory.mktemp("three-days"))
    World().land(settings.landing, date(2013, 1, 11), date(2013, 1, 13))
    take_landed(spec, settings)
    lake = Lake.of(settings)
    return {
        name: spark.read.option("basePath", lake.uri(f"{spec.name}/raw/{name}")).parquet(
            *lake.files(f"{spec.name}/raw/{name}")
        )
        for name in spec.sources
    }
