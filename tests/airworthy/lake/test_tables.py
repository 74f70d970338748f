"""Every table has a name of its own, whatever pipelines, sources and views are called."""

from __future__ import annotations

from airworthy.lake import tables


def test_no_two_tables_share_a_name() -> None:
    names = [
        name
        for pipeline in ("a", "b")
        for name in (
            tables.ingested(pipeline),
            tables.raw(pipeline, "things"),
            tables.quarantine(pipeline, "things"),
            tables.view(pipeline, "things"),
            tables.training(pipeline),
            tables.published(pipeline),
            tables.predictions(pipeline),
        )
    ]
    assert len(set(names)) == len(names)


def test_the_feature_table_is_one_of_the_feature_tables() -> None:
    assert tables.view("a", tables.TRAINING) == tables.training("a")
