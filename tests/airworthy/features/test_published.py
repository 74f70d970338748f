"""The published pointer: the newest version that passed, and all before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from airworthy.features import published
from airworthy.lake.lake import Lake
from airworthy.spec.pipeline import PipelineSpec


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def publish(lake: Lake, spec: PipelineSpec, version: int) -> bool:
    return published.publish(lake, spec, version=version, raw_versions={"flights": version}, validation={"rows": 3})


def test_before_the_first_there_is_nothing_and_it_says_where_to_look(lake: Lake, spec: PipelineSpec) -> None:
    assert published.history(lake, spec) == []
    with pytest.raises(published.NothingPublished) as nothing:
        published.latest(lake, spec)
    assert f"{spec.name}.data" in str(nothing.value.next_step)


def test_the_newest_is_what_training_reads_with_what_it_was_made_of(lake: Lake, spec: PipelineSpec) -> None:
    assert publish(lake, spec, 3)
    assert publish(lake, spec, 5)
    latest = published.latest(lake, spec)
    assert (latest.version, latest.raw_versions, latest.validation) == (5, {"flights": 5}, {"rows": 3})
    assert latest.at.tzinfo is not None
    assert [one.version for one in published.history(lake, spec)] == [3, 5]


def test_publishing_the_same_version_again_changes_nothing(lake: Lake, spec: PipelineSpec) -> None:
    publish(lake, spec, 3)
    assert not publish(lake, spec, 3)
    assert len(published.history(lake, spec)) == 1


def test_pipelines_do_not_see_one_anothers(lake: Lake, spec: PipelineSpec) -> None:
    publish(lake, spec, 3)
    assert published.history(lake, spec.model_copy(update={"name": "other"})) == []
