"""Validation of a feature table with Great Expectations."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from airworthy.features.validation import ValidationError, validate
from airworthy.lake.lake import Lake
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec

ROWS = 1000
START = datetime(2013, 1, 1, 12, tzinfo=UTC)


def table(spec: PipelineSpec, **changes: Any) -> pa.Table:
    """A plausible training table; ``changes`` replace columns."""
    departures = [START + timedelta(minutes=i) for i in range(ROWS)]
    times = pa.timestamp("us", "UTC")
    plausible = {"sched_dep_minute": 600, "day_of_week": 2, "distance": 1400, "humid": 50, "pressure": 1000}
    columns = {
        spec.key: pa.array([f"flight-{i}" for i in range(ROWS)]),
        spec.event_time: pa.array(departures, times),
        spec.prediction_time: pa.array([t - timedelta(hours=2) for t in departures], times),
        spec.known_at: pa.array([None, *(t + timedelta(hours=3) for t in departures[1:])], times),
        "carrier": pa.array(["UA"] * ROWS),
        "origin": pa.array(["EWR"] * ROWS),
        "dest": pa.array(["IAH"] * ROWS),
        **{n: pa.array(np.full(ROWS, plausible.get(n, 1.0)), pa.float32()) for n in spec.features.numeric},
        spec.label.name: pa.array([None, *(int(i % 4 == 0) for i in range(1, ROWS))], pa.int32()),
        "month": pa.array([201301] * ROWS, pa.int32()),
    }
    return pa.table({**columns, **changes})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def check(spec: PipelineSpec, settings: Settings, data: pa.Table) -> Any:
    lake = Lake.of(settings)
    version = lake.replace_partitions(f"{spec.name}/features/training", data)
    return validate(spec, settings, lake, table_version=version)


def test_good_data_passes_and_has_a_page(spec: PipelineSpec, settings: Settings) -> None:
    result = check(spec, settings, table(spec))
    assert (result.success, result.failed, result.rows) == (True, [], ROWS)
    assert result.checked > 30
    page = Path(result.docs)
    assert page.is_relative_to(settings.home / "data_docs" / spec.name)
    assert "expect" in page.read_text()
    assert (settings.home / "data_docs" / spec.name / "index.html").exists()
    assert json.loads(json.dumps(asdict(result)))["table_version"] == result.table_version


def test_every_broken_rule_is_told_with_what_was_seen(spec: PipelineSpec, settings: Settings) -> None:
    departures = [START + timedelta(minutes=i) for i in range(ROWS)]
    bad = table(
        spec,
        flight_id=pa.array(["twice", "twice", *(f"flight-{i}" for i in range(2, ROWS))]),
        prediction_time=pa.array([t + timedelta(hours=1) for t in departures], pa.timestamp("us", "UTC")),
        origin=pa.array(["Newark"] * ROWS),
        humid=pa.array(np.full(ROWS, 5000.0), pa.float32()),
        temp=pa.nulls(ROWS, pa.float32()),
    )
    result = check(spec, settings, bad)
    assert not result.success
    found = {(failure.expectation, failure.column) for failure in result.failed}
    assert found == {
        ("expect_column_values_to_be_unique", "flight_id"),
        ("expect_column_pair_values_a_to_be_greater_than_b", "event_time, prediction_time"),
        ("expect_column_values_to_be_in_set", "origin"),
        ("expect_column_values_to_be_between", "humid"),
        ("expect_column_values_to_not_be_null", "temp"),
    }
    humid = next(failure for failure in result.failed if failure.column == "humid")
    assert humid.observed["partial_unexpected_list"][0] == 5000.0
    assert "humid" in str(humid) and "5000" in str(humid)
    json.dumps(asdict(result))


@pytest.mark.parametrize("rows", [0, 10])
def test_too_few_rows_fail_and_break_nothing(spec: PipelineSpec, settings: Settings, rows: int) -> None:
    result = check(spec, settings, table(spec).slice(0, rows))
    assert ("expect_table_row_count_to_be_between", None) in {(f.expectation, f.column) for f in result.failed}
    json.dumps(asdict(result))


@pytest.fixture
def suite(spec: PipelineSpec, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """The pipeline's expectations, for a test to replace."""
    module = types.ModuleType(f"pipelines.{spec.name}.expectations")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    yield module


def test_a_suite_about_a_column_that_is_not_there_is_broken(
    spec: PipelineSpec, settings: Settings, suite: types.ModuleType
) -> None:
    def about_nothing(spec: PipelineSpec, as_of: datetime) -> list[Any]:
        from great_expectations import expectations as gxe

        return [gxe.ExpectColumnValuesToNotBeNull(column="no_such_column")]

    suite.suite = about_nothing  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match="no_such_column"):
        check(spec, settings, table(spec))


@pytest.mark.parametrize("broken", [lambda spec, as_of: 1 / 0, lambda spec, as_of: [], lambda: None])
def test_a_suite_that_raises_or_is_empty_is_broken(
    spec: PipelineSpec, settings: Settings, suite: types.ModuleType, broken: Any
) -> None:
    suite.suite = broken  # type: ignore[attr-defined]
    with pytest.raises(ValidationError, match=r"expectations\.py"):
        check(spec, settings, table(spec))
