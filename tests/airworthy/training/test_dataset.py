"""The split of a snapshot: nothing is trained on that was not known when the holdout began."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from airworthy.lake.errors import TableMissing
from airworthy.spec.pipeline import PipelineSpec
from airworthy.training import dataset

MakeSpec = Callable[..., PipelineSpec]


def test_the_parts_follow_each_other_in_time_and_share_no_row(small_spec: MakeSpec, table: pa.Table) -> None:
    snapshot = dataset.split(small_spec(), table, 3)
    assert snapshot.holdout_from == datetime(2013, 2, 20, tzinfo=UTC)
    assert snapshot.data_until == table["event_time"][-1].as_py()
    ids = [set(part["id"].to_pylist()) for part in (snapshot.train, snapshot.validation, snapshot.holdout)]
    assert all(ids)
    assert not (ids[0] & ids[1] or ids[1] & ids[2] or ids[0] & ids[2])
    assert pc.max(snapshot.train["event_time"]).as_py() < pc.min(snapshot.validation["event_time"]).as_py()
    assert pc.max(snapshot.validation["event_time"]).as_py() < pc.min(snapshot.holdout["event_time"]).as_py()


def test_a_label_that_became_known_after_the_holdout_began_is_not_trained_on(
    small_spec: MakeSpec, table: pa.Table
) -> None:
    snapshot = dataset.split(small_spec(), table, 0)
    early = table.num_rows // 3
    assert table["id"][early].as_py() in set(snapshot.train["id"].to_pylist())
    known = table["known_at"].to_pylist()
    known[early] = snapshot.holdout_from + timedelta(seconds=1)  # it happened in January; somebody told us in February
    late_news = table.set_column(
        table.schema.get_field_index("known_at"), "known_at", pa.array(known, table.schema.field("known_at").type)
    )
    again = dataset.split(small_spec(), late_news, 0)
    assert table["id"][early].as_py() not in {
        *again.train["id"].to_pylist(),
        *again.validation["id"].to_pylist(),
        *again.holdout["id"].to_pylist(),
    }
    for part in (again.train, again.validation):
        assert pc.max(part["known_at"]).as_py() < again.holdout_from


def test_rows_without_a_label_or_that_never_landed_are_left_out(small_spec: MakeSpec, table: pa.Table) -> None:
    labels, known = table["late"].to_pylist(), table["known_at"].to_pylist()
    labels[0], known[1] = None, None
    holed = table.set_column(9, "late", pa.array(labels, pa.int32())).set_column(
        table.schema.get_field_index("known_at"), "known_at", pa.array(known, table.schema.field("known_at").type)
    )
    assert holed.schema.names == table.schema.names
    snapshot = dataset.split(small_spec(), holed, 0)
    assert snapshot.train["id"][0].as_py() == "f000002"


def test_the_order_of_the_files_does_not_matter(small_spec: MakeSpec, table: pa.Table) -> None:
    shuffled = table.take(np.random.default_rng(1).permutation(table.num_rows))
    assert dataset.split(small_spec(), shuffled, 0).train.equals(dataset.split(small_spec(), table, 0).train)


def test_too_few_rows_say_how_many_and_what_to_do(small_spec: MakeSpec, table: pa.Table) -> None:
    with pytest.raises(dataset.DatasetError, match=r"\d+ training rows .*min_rows = 9000") as caught:
        dataset.split(small_spec(min_rows=9000), table, 0)
    assert "holdout_days" in str(caught.value.next_step)
    with pytest.raises(dataset.DatasetError, match="0 training rows"):
        dataset.split(small_spec(holdout_days=300), table, 0)
    with pytest.raises(dataset.DatasetError, match="no row with a known"):
        dataset.split(small_spec(), table.slice(0, 0), 0)


def test_one_class_only_is_refused(small_spec: MakeSpec, table: pa.Table) -> None:
    never_late = table.set_column(9, "late", pa.array(np.zeros(table.num_rows), pa.int32()))
    with pytest.raises(dataset.DatasetError, match=r"late = \[0\]"):
        dataset.split(small_spec(), never_late, 0)


def test_a_missing_column_and_a_missing_version_are_named(small: Callable[..., object]) -> None:
    made = small()
    wider = made.spec.model_copy(update={"key": "flight_id"})  # type: ignore[attr-defined]
    with pytest.raises(dataset.DatasetError, match="flight_id"):
        dataset.load(wider, made.settings, made.version)  # type: ignore[attr-defined]
    with pytest.raises(TableMissing, match="no version 7"):
        dataset.load(made.spec, made.settings, 7)  # type: ignore[attr-defined]
