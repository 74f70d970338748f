"""The train DAG's tasks: what the registered version says about who asked for it, and why."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from small_models import SPEC

from airworthy.settings import Settings
from airworthy.steps import train as train_steps
from airworthy_airflow import connections
from airworthy_airflow.tasks import train


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """The run and the tags of every registration."""
    found: list[tuple[str, dict[str, str]]] = []

    def register(_spec: Any, _settings: Any, run_id: str, tags: dict[str, str]) -> int:
        found.append((run_id, tags))
        return 7

    monkeypatch.setattr(train_steps, "register", register)
    monkeypatch.setattr(connections, "settings", Settings)
    return found


def test_a_person_who_starts_a_training_is_named_with_the_version(registered):
    run = SimpleNamespace(run_id="manual__1", triggering_user_name="ann", run_type=DagRunType.MANUAL)
    assert train.register(SPEC, run, {"reason": "new weather feed"}) == 7
    said = {"triggered_by": "ann", "reason": "new weather feed", "run_type": "manual"}
    assert registered == [("manual__1", {f"airworthy.{name}": value for name, value in said.items()})]


def test_a_scheduled_training_names_nobody(registered):
    run = SimpleNamespace(run_id="scheduled__1", triggering_user_name=None, run_type=DagRunType.SCHEDULED)
    train.register(SPEC, run, {"reason": "scheduled"})
    assert registered[0][1]["airworthy.triggered_by"] == ""
