"""The Spark application: builds once, again only when something changed, and never half."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airworthy.features.build.job import FeatureError, Inputs, build_features
from airworthy.features.session import spark_session
from airworthy.ingest.take import take_landed
from airworthy.lake import tables
from airworthy.lake.lake import Lake
from airworthy.lake.staged import StagedTable
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec
from airworthy_demo.world import World

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return spark_session("tests", master="local[2]")


@pytest.fixture(scope="module")
def settings(spec: PipelineSpec, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A lake with the raw tables of two days."""
    settings = Settings(home=tmp_path_factory.mktemp("two-days"))
    World().land(settings.landing, date(2013, 1, 30), date(2013, 1, 31))
    take_landed(spec, settings)
    return settings


def test_tables_are_built_once_and_again_when_raw_data_or_time_changes(
    spark: SparkSession, spec: PipelineSpec, settings: Settings
) -> None:
    lake = Lake.of(settings)
    first = build_features(spec, settings, session=spark)
    assert first.changed
    training = lake.read(tables.training(spec.name))
    assert training.num_rows == len(World().requests(date(2013, 1, 30), date(2013, 1, 31)))
    # the month is that of the departure in UTC: the last evening in New York is February
    assert set(training["month"].to_pylist()) == {201301, 201302}
    said = lake.metadata(tables.training(spec.name))
    assert json.loads(said["raw_versions"]) == first.inputs.raw_versions
    assert said["code_version"] == first.inputs.digest
    for name, view in spec.features.views.items():
        rows = lake.read(tables.view(spec.name, name))
        assert rows.num_rows == len(set(rows[view.entity].to_pylist())) > 0
        assert set(rows["event_timestamp"].to_pylist()) == {first.as_of}

    # a time after the end of the data is the end of the data
    for as_of in (None, datetime(2026, 1, 1, tzinfo=UTC)):
        again = build_features(spec, settings, as_of=as_of, session=spark)
        assert (again.changed, again.versions, again.as_of) == (False, first.versions, first.as_of)

    earlier = datetime(2013, 1, 31, 12, tzinfo=UTC)
    as_of_earlier = build_features(spec, settings, as_of=earlier, session=spark)
    assert as_of_earlier.changed and as_of_earlier.as_of == earlier
    assert not build_features(spec, settings, as_of=earlier, session=spark).changed

    World().land(settings.landing, date(2013, 2, 1), date(2013, 2, 1))
    take_landed(spec, settings)
    grown = build_features(spec, settings, session=spark)
    assert grown.changed
    assert grown.versions["training"] == as_of_earlier.versions["training"] + 1
    assert lake.read(tables.training(spec.name), first.versions["training"]).num_rows == training.num_rows
    assert lake.read(tables.training(spec.name)).num_rows > training.num_rows


def test_killed_between_two_commits_the_next_run_completes_the_build(
    spark: SparkSession, spec: PipelineSpec, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake.of(settings)
    build_features(spec, settings, session=spark)
    before = lake.version(tables.training(spec.name))
    half = datetime(2013, 1, 31, 18, tzinfo=UTC)
    commit = Lake.commit_staged

    def killed(self: Lake, staged: StagedTable, **options: Any) -> int:
        if staged.table.endswith("/training"):
            raise KeyboardInterrupt
        return commit(self, staged, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Lake, "commit_staged", killed)
        with pytest.raises(KeyboardInterrupt):
            build_features(spec, settings, as_of=half, session=spark)
    assert lake.version(tables.training(spec.name)) == before
    completed = build_features(spec, settings, as_of=half, session=spark)
    assert completed.changed
    assert lake.version(tables.training(spec.name)) == (before or 0) + 1
    assert not Path(lake.staged(tables.training(spec.name), "build").folder).exists()


def test_without_raw_tables_it_says_which_are_missing(spec: PipelineSpec, tmp_path: Path) -> None:
    with pytest.raises(FeatureError, match=r"flights.*planes.*weather"):
        build_features(spec, Settings(home=tmp_path))


NOON, EVENING = datetime(2013, 1, 31, 12, tzinfo=UTC), datetime(2013, 1, 31, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "came_of_it", "later", "same"),
    [
        # built to the end of the data: so is everything that asks for it, or for a time after it
        (None, NOON, None, True),
        (None, NOON, NOON, True),
        (None, NOON, EVENING, True),
        (EVENING, NOON, EVENING, True),
        (EVENING, NOON, None, True),
        # built to a time before the end of the data: only for who asks for that time
        (NOON, NOON, NOON, True),
        (NOON, NOON, None, False),
        (NOON, NOON, EVENING, False),
        (EVENING, EVENING, NOON, False),
    ],
)
def test_a_build_is_there_already_when_it_is_as_of_the_time_asked_for(
    asked: datetime | None, came_of_it: datetime, later: datetime | None, same: bool
) -> None:
    metadata = Inputs({"flights": 3}, "abc", asked).metadata(came_of_it)
    assert Inputs({"flights": 3}, "abc", later).made(metadata) == (came_of_it if same else None)


@pytest.mark.parametrize("inputs", [Inputs({"flights": 4}, "abc", None), Inputs({"flights": 3}, "abd", None)])
def test_other_raw_data_or_other_code_is_another_build(inputs: Inputs) -> None:
    metadata = Inputs({"flights": 3}, "abc", None).metadata(NOON)
    assert inputs.made(metadata) is None
    assert inputs.made({}) is None, "a table that no build wrote"
