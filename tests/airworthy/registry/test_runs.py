"""Runs on a real MLflow server: one for each training, however often it is begun."""

from __future__ import annotations

from airworthy.registry import tags as names
from airworthy.registry.registry import Registry
from airworthy.spec.pipeline import PipelineSpec


def test_a_second_run_of_the_same_training_is_not_kept(registry: Registry, named: PipelineSpec) -> None:
    first = registry.runs.open(named.name, "run 1", {names.KIND: "candidate"})
    assert registry.runs.open(named.name, "run 1", {names.DATA_VERSION: "3"}) == first
    assert registry.runs.get(named.name, "run 1").data.tags[names.DATA_VERSION] == "3"
    assert registry.runs.open(named.name, "it's run 2") != first


def test_a_training_that_never_began_has_no_run(registry: Registry, named: PipelineSpec) -> None:
    assert registry.runs.find(named.name, "none") is None
