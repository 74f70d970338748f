"""Aliases and canary shares on a real MLflow server."""

from __future__ import annotations

from made_versions import always

from airworthy.registry.registry import Registry
from airworthy.registry.tags import CANDIDATE
from airworthy.spec.pipeline import PipelineSpec
from airworthy.traffic.serving_state import ServingState


def test_an_unknown_model_serves_nothing(registry: Registry, named: PipelineSpec) -> None:
    assert registry.aliases.serving_state(named.name) == ServingState()
    assert registry.aliases.get(named.name, "champion") is None


def test_aliases_and_canary_share_are_what_serving_reads(registry: Registry, named: PipelineSpec) -> None:
    old = always(registry, named, 0.2)
    new = always(registry, named, 0.3, train_run="t2", kind=CANDIDATE)
    registry.aliases.set(named.name, "champion", old)
    registry.aliases.set_canary(named.name, "r-v2", 5)
    assert registry.aliases.serving_state(named.name) == ServingState(old, None, 0.0, "r-v2")
    registry.aliases.set(named.name, "challenger", new)
    assert registry.aliases.serving_state(named.name) == ServingState(old, new, 5.0, "r-v2")
    for _ in range(2):
        registry.aliases.clear_canary(named.name)
        registry.aliases.delete(named.name, "challenger")
    assert registry.aliases.serving_state(named.name) == ServingState(old)
