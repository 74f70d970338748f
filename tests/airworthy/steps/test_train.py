"""The train DAG's register step on a real MLflow: v1 is the baseline, v2 the first model, however often it is tried."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from evaluations import first_of
from made_versions import always
from small_models import SPEC

from airworthy.evaluation.document import FILE
from airworthy.ledger.ledger import Ledger
from airworthy.model.constant import constant_model
from airworthy.model.encoder import Encoder
from airworthy.model.kinds.binary import Binary
from airworthy.registry.client import Server
from airworthy.registry.registry import Registry
from airworthy.registry.tags import CANDIDATE, GATES, KIND
from airworthy.registry.versions import NotRegistrable
from airworthy.release.controller import ReleaseController
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec
from airworthy.steps import train
from airworthy.traffic.serving_state import ServingState

#: What a first registration writes: run, its kind, the baseline's package, the model, two versions.
WRITES = 12


@pytest.fixture
def named() -> PipelineSpec:
    return SPEC.model_copy(update={"name": f"t_{uuid.uuid4().hex[:8]}"})


@pytest.fixture
def settings(mlflow_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, mlflow_url=mlflow_url)


@pytest.fixture
def registry(settings: Settings) -> Registry:
    return Registry(settings.mlflow_url)


def trained(registry: Registry, spec: PipelineSpec, train_run: str, gates: str = "passed") -> None:
    """A training that has ended, evaluated; its gates judged like this."""
    run_id = registry.runs.open(spec.name, train_run, {KIND: CANDIDATE, GATES: gates})
    encoder = Encoder.fit(spec, {})
    kind = Binary()
    registry.packages.log(run_id, constant_model(encoder, 0.5, kind), encoder, kind)
    evaluation = first_of(spec, train_run, run_id)
    registry.server.client.log_dict(run_id, evaluation.model_dump(mode="json"), FILE)


def kinds(registry: Registry, spec: PipelineSpec) -> dict[int, str]:
    return {each.version: each.tags[KIND] for each in registry.versions.all(spec.name)}


def test_the_first_version_is_the_baseline_and_it_serves_before_the_first_candidates_canary(
    registry: Registry, named: PipelineSpec, settings: Settings
) -> None:
    trained(registry, named, "scheduled__1")
    assert train.register(named, settings, "scheduled__1", {"airworthy.reason": "first"}) == 2
    assert kinds(registry, named) == {1: "baseline", 2: "candidate"}
    assert registry.versions.tags(named.name, 2)["airworthy.reason"] == "first"
    ledger = Ledger(f"sqlite:///{settings.home / 'ledger.db'}")
    ReleaseController(named, registry, ledger, settings).enter(2)
    assert registry.aliases.serving_state(named.name) == ServingState(champion=1)
    assert kinds(registry, named) == {1: "baseline", 2: "candidate"}
    ledger.close()

    trained(registry, named, "scheduled__2")
    assert train.register(named, settings, "scheduled__2", {}) == 3
    assert train.register(named, settings, "scheduled__1", {}) == 2, "tried again, the same version"
    assert kinds(registry, named) == {1: "baseline", 2: "candidate", 3: "candidate"}


class FakeKilledClient:
    """MLflow's client, in a process that dies before its next write once ``left`` are done."""

    def __init__(self, client: Any, left: int) -> None:
        self._client = client
        self.left = left

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("create_", "set_", "log_", "finalize_", "delete_", "update_")):
            if self.left == 0:
                raise KeyboardInterrupt
            self.left -= 1
        return getattr(self._client, name)


@pytest.mark.parametrize("writes", range(WRITES))
def test_killed_before_any_write_and_run_again_it_makes_the_same_two_versions(
    registry: Registry, named: PipelineSpec, settings: Settings, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    trained(registry, named, "scheduled__1")
    client = FakeKilledClient(registry.server.client, writes)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Server, "client", client)
        train.register(named, settings, "scheduled__1", {"airworthy.reason": "first"})
    assert train.register(named, settings, "scheduled__1", {"airworthy.reason": "first"}) == 2
    assert kinds(registry, named) == {1: "baseline", 2: "candidate"}
    assert registry.versions.tags(named.name, 2)["airworthy.reason"] == "first"


def test_a_registry_that_begins_with_a_candidate_gets_no_baseline_in_between(
    registry: Registry, named: PipelineSpec, settings: Settings
) -> None:
    always(registry, named, 0.4, train_run="scheduled__0", kind=CANDIDATE)
    trained(registry, named, "scheduled__1")
    assert train.register(named, settings, "scheduled__1", {}) == 2
    assert kinds(registry, named) == {1: "candidate", 2: "candidate"}


def test_a_training_that_missed_its_gates_is_not_registered(
    registry: Registry, named: PipelineSpec, settings: Settings
) -> None:
    trained(registry, named, "scheduled__1", gates="failed")
    with pytest.raises(NotRegistrable, match="'failed'"):
        train.register(named, settings, "scheduled__1", {GATES: "passed"})
    assert "candidate" not in kinds(registry, named).values()
