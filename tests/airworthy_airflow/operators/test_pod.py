"""A training pod asks for what the profile says, and learns only what it needs."""

from __future__ import annotations

import pytest

from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec
from airworthy.spec.training import Profile
from airworthy_airflow.operators.pod import TrainingPodOperator, environment, resources


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


def test_the_pod_gets_the_specs_resources_and_ends_at_its_timeout(spec: PipelineSpec) -> None:
    pod = TrainingPodOperator(
        task_id="train", spec=spec, module="airworthy.training.launcher", module_arguments=["--train-run", "r1"]
    )
    assert pod.active_deadline_seconds == spec.training.timeout_minutes * 60
    assert pod.execution_timeout.total_seconds() > pod.active_deadline_seconds, "Kubernetes ends the pod, not Airflow"
    assert pod.cmds + pod.arguments == [
        *("python", "-m", "airworthy.training.launcher"),
        *("--pipeline", "flight_delays", "--train-run", "r1"),
    ]
    assert pod.image == spec.training.image
    assert pod.container_resources == resources(spec.training.resources)
    assert pod.deferrable, "a training of hours holds no worker slot"
    assert not pod.do_xcom_push, "no sidecar"


def test_node_selector_and_tolerations_reach_the_pod(spec: PipelineSpec) -> None:
    profile = Profile(
        gpus=1, cpu="8", memory="32Gi", node_selector={"gpu": "h100"},
        tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    )  # fmt: skip
    training = spec.training.model_copy(update={"profile": "big", "profiles": {"big": profile}})
    chosen = spec.model_copy(update={"training": training})
    pod = TrainingPodOperator(task_id="train", spec=chosen, module="m", module_arguments=[])
    assert pod.node_selector == {"gpu": "h100"}
    assert [each.key for each in pod.tolerations] == ["nvidia.com/gpu"]
    assert pod.container_resources.limits["nvidia.com/gpu"] == "1"
