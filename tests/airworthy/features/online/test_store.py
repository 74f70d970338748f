"""The online store, on SQLite, filled from a real (small) lake."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from airworthy.features.online.feast import OnlineStoreError
from airworthy.features.online.store import OnlineStore
from airworthy.lake.lake import Lake
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec

DAY = 86_400.0
AS_OF = datetime(2013, 9, 1, 7, 46, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def lake(spec: PipelineSpec, settings: Settings) -> Lake:
    """Every view with the entities ``a`` and ``b``; the features of ``b`` are null."""
    lake = Lake.of(settings)
    fill(lake, spec, 1.0)
    return lake


def fill(lake: Lake, spec: PipelineSpec, first: float, as_of: datetime = AS_OF) -> None:
    """Feature number i of ``a`` is ``first + i``."""
    for name, view in spec.features.views.items():
        columns = {
            view.entity: pa.array(["a", "b"]),
            "event_timestamp": pa.array([as_of, as_of], pa.timestamp("us", "UTC")),
            **{f: pa.array([first + i, None], pa.float32()) for i, f in enumerate(view.features)},
        }
        lake.replace_partitions(f"{spec.name}/features/{name}", pa.table(columns))


def asked(spec: PipelineSpec, key: str | None) -> dict[str, str | None]:
    return {view.entity: key for view in spec.features.views.values()}


def expected(spec: PipelineSpec, first: float) -> list[float]:
    return [first + i for view in spec.features.views.values() for i in range(len(view.features))]


def test_features_come_in_the_order_of_the_specification(spec: PipelineSpec, settings: Settings, lake: Lake) -> None:
    store = OnlineStore(spec, settings)
    store.materialise(lake)
    found = store.read([asked(spec, "a"), asked(spec, "b"), asked(spec, "c"), asked(spec, None), {}])
    assert found.dtype == np.float32
    assert found.shape == (5, len(store.features))
    assert store.features == spec.features.numeric[len(spec.features.request.numeric) :]
    assert found[0].tolist() == expected(spec, 1.0)
    assert np.isnan(found[1:]).all()  # null, unknown to the store, nothing to look up
    assert store.read([]).shape == (0, len(store.features))


def test_age_is_judged_at_the_requests_prediction_time_not_by_the_wall_clock(
    spec: PipelineSpec, settings: Settings, lake: Lake
) -> None:
    store = OnlineStore(spec, settings)
    store.materialise(lake)
    now = AS_OF.timestamp()
    ages = [now, now + 10 * DAY, now + 10 * DAY + 1, now + 31 * DAY, now + 401 * DAY]
    found = store.read([asked(spec, "a")] * len(ages), at=ages)
    ttl = np.array([view.ttl_days for view in spec.features.views.values() for _ in view.features])
    for row, age in zip(found, ages, strict=True):
        assert np.isnan(row).tolist() == ((age - now) / DAY > ttl).tolist()
    assert not np.isnan(store.read([asked(spec, "a")])).any()


def test_materialising_again_writes_only_what_is_new(spec: PipelineSpec, settings: Settings, lake: Lake) -> None:
    every = dict.fromkeys(spec.features.views, 2)
    nothing = dict.fromkeys(spec.features.views, 0)
    assert OnlineStore(spec, settings).materialise(lake) == every
    store = OnlineStore(spec, settings)
    assert store.materialise(lake) == nothing
    assert store.read([asked(spec, "a")])[0].tolist() == expected(spec, 1.0)
    fill(lake, spec, 50.0)
    assert store.materialise(lake) == every
    assert store.read([asked(spec, "a")])[0].tolist() == expected(spec, 50.0)


def test_a_store_that_was_lost_is_filled_again(spec: PipelineSpec, settings: Settings, lake: Lake) -> None:
    OnlineStore(spec, settings).materialise(lake)
    for file in Path(settings.online_store).parent.glob("online.db*"):
        file.unlink()
    store = OnlineStore(spec, settings)
    assert sum(store.materialise(lake).values()) > 0
    assert store.read([asked(spec, "a")])[0].tolist() == expected(spec, 1.0)


def test_a_store_that_was_never_filled_says_what_to_do(spec: PipelineSpec, settings: Settings) -> None:
    with pytest.raises(OnlineStoreError, match="run the data DAG"):
        OnlineStore(spec, settings).read([asked(spec, "a")])


def test_a_reader_sees_a_new_version_after_the_cache_time(spec: PipelineSpec, settings: Settings, lake: Lake) -> None:
    now = [0.0]
    reader = OnlineStore(spec, settings, cache_seconds=30, clock=lambda: now[0])
    writer = OnlineStore(spec, settings)
    writer.materialise(lake)
    assert reader.read([asked(spec, "a")])[0][0] == 1.0
    fill(lake, spec, 50.0)
    writer.materialise(lake)
    now[0] = 29.0
    assert reader.read([asked(spec, "a")])[0][0] == 1.0
    now[0] = 31.0
    assert reader.read([asked(spec, "a")])[0][0] == 50.0


def test_many_threads_read_while_it_is_filled(spec: PipelineSpec, settings: Settings, lake: Lake) -> None:
    writer = OnlineStore(spec, settings)
    writer.materialise(lake)
    reader = OnlineStore(spec, settings, cache_seconds=0)
    versions = [expected(spec, first) for first in (1.0, 50.0, 100.0)]
    width = len(next(iter(spec.features.views.values())).features)
    done = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not done.is_set():
            try:
                row = reader.read([asked(spec, "a")])[0].tolist()
            except Exception as error:
                wrong.append(error)
                return
            # each view changes as a whole
            if row[:width] not in [version[:width] for version in versions]:
                wrong.append(row)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for first in (50.0, 100.0):
            fill(lake, spec, first)
            writer.materialise(lake)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert reader.read([asked(spec, "a")])[0].tolist() == versions[-1]
