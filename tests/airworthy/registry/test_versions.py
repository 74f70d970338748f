"""Versions on a real MLflow server: made once, and never of a candidate whose gates were not passed."""

from __future__ import annotations

import pytest
from made_versions import always

from airworthy.registry import tags as names
from airworthy.registry.client import NotInRegistry
from airworthy.registry.registry import Registry
from airworthy.registry.tags import BASELINE, CANDIDATE
from airworthy.registry.versions import NotRegistrable
from airworthy.spec.pipeline import PipelineSpec


def test_registering_again_gives_the_same_version_with_its_tags(registry: Registry, named: PipelineSpec) -> None:
    first = always(registry, named, 0.25, tags={names.DATA_VERSION: "7"})
    assert always(registry, named, 0.25, tags={names.DATA_VERSION: "7"}) == first
    assert registry.versions.register(named.name, "constant", {names.EVIDENCE_DIGEST: "abc"}) == first
    tags = registry.versions.tags(named.name, first)
    assert tags[names.KIND] == BASELINE
    assert tags[names.DATA_VERSION] == "7"
    assert tags[names.EVIDENCE_DIGEST] == "abc"
    assert tags[names.TRAIN_RUN] == "constant"
    assert names.MODEL_ID not in tags
    assert len(registry.server.client.search_model_versions(f"name = '{named.name}'")) == 1
    experiment = registry.server.client.get_experiment_by_name(named.name)
    assert experiment is not None
    assert len(registry.server.client.search_logged_models([experiment.experiment_id])) == 1


def test_a_crash_between_version_and_tags_is_repaired(registry: Registry, named: PipelineSpec) -> None:
    version = always(registry, named, 0.25)
    registry.server.client.delete_model_version_tag(named.name, str(version), names.KIND)
    assert registry.versions.register(named.name, "constant") == version
    assert registry.versions.tags(named.name, version)[names.KIND] == BASELINE


def test_a_version_created_twice_by_a_repeated_request_is_reduced_to_the_first(
    registry: Registry, named: PipelineSpec
) -> None:
    version = always(registry, named, 0.25)
    found = registry.versions.get(named.name, version)
    registry.server.client.create_model_version(
        named.name, f"models:/{found.model_id}", run_id=found.run_id, model_id=found.model_id
    )
    assert registry.versions.register(named.name, "constant") == version
    assert len(registry.server.client.search_model_versions(f"name = '{named.name}'")) == 1


def test_a_run_without_a_model_or_with_failed_gates_is_not_registered(registry: Registry, named: PipelineSpec) -> None:
    run_id = registry.runs.open(named.name, "unfinished", {names.KIND: "candidate"})
    with pytest.raises(NotRegistrable, match="no finished model"):
        registry.versions.register(named.name, "unfinished")
    registry.server.client.set_tag(run_id, names.MODEL_ID, "m-1")
    with pytest.raises(NotRegistrable, match="gates"):
        registry.versions.register(named.name, "unfinished")
    registry.server.client.set_tag(run_id, names.GATES, "failed")
    with pytest.raises(NotRegistrable, match="'failed'"):
        registry.versions.register(named.name, "unfinished")
    with pytest.raises(NotInRegistry, match="no MLflow run"):
        registry.versions.register(named.name, "never began")


@pytest.mark.parametrize("kind", [CANDIDATE, "", "challenger"])
def test_only_the_baseline_needs_no_gates_and_nobody_can_call_it_a_candidate(
    registry: Registry, named: PipelineSpec, kind: str
) -> None:
    run_id = registry.runs.open(named.name, "no gates", {names.KIND: kind, names.MODEL_ID: "m-1"})
    with pytest.raises(NotRegistrable, match="expected 'passed'"):
        registry.versions.register(named.name, "no gates", {names.KIND: BASELINE, names.GATES: "passed"})
    assert registry.versions.all(named.name) == []
    registry.server.client.delete_run(run_id)
    baseline = always(registry, named, 0.25, tags={names.KIND: BASELINE})
    registry.versions.register(named.name, "constant", {names.KIND: CANDIDATE})
    assert registry.versions.get(named.name, baseline).is_baseline


def test_every_version_is_listed_oldest_first(registry: Registry, named: PipelineSpec) -> None:
    assert registry.versions.all(named.name) == []
    first = always(registry, named, 0.25)
    second = always(registry, named, 0.5, train_run="t2", kind=CANDIDATE)
    found = registry.versions.all(named.name)
    assert [(each.version, each.is_baseline) for each in found] == [(first, True), (second, False)]
