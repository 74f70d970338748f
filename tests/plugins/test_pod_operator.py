"""A training pod asks for what the profile says, and learns only what it needs."""

from __future__ import annotations

import pytest

from airworthy.settings import Settings
from airworthy.spec import Profile
from airworthy_airflow.operators.pod import environment, resources


def test_a_profile_without_gpus_names_none() -> None:
    wanted = resources(Profile(cpu="1", memory="4Gi"))
    assert wanted.requests == {"cpu": "1", "memory": "4Gi"}
    assert wanted.limits == {"memory": "4Gi"}


def test_gpus_are_requested_and_limited_alike_as_kubernetes_demands() -> None:
    wanted = resources(Profile(gpus=2, cpu="8", memory="32Gi"))
    assert wanted.requests["nvidia.com/gpu"] == wanted.limits["nvidia.com/gpu"] == "2"


def test_a_pod_is_told_neither_the_ledger_nor_the_serving_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRWORTHY_PIPELINES", raising=False)
    monkeypatch.delenv("AIRWORTHY_HOME", raising=False)
    settings = Settings(ledger_url="postgresql://user:hidden@db/ledger", serving_token="hidden-too", lake="s3://lake")
    told = {each.name: each.value for each in environment(settings)}
    assert told["AIRWORTHY_LAKE"] == "s3://lake"
    assert set(told) == {"AIRWORTHY_LAKE", "AIRWORTHY_STORAGE_OPTIONS", "AIRWORTHY_MLFLOW_URL"}
    assert not any("hidden" in str(value) for value in told.values())


def test_folders_are_handed_on_where_the_deployment_sets_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRWORTHY_PIPELINES", "/srv/pipelines")
    told = {each.name: each.value for each in environment(Settings())}
    assert told["AIRWORTHY_PIPELINES"] == "/srv/pipelines"
