"""A training ends in one version of one MLflow run, whatever is killed meanwhile."""

from __future__ import annotations

from tests.system.deployment import PIPELINE, Deployment
from tests.system.processes import at_work, kill, wait_until
from tests.system.releases import DAG, Releases

from airworthy.registry import tags

# the pod's first program becomes DeepSpeed's launcher, which starts the training
POD = r"airworthy\.training\."


def _runs(deployment: Deployment, train_run: str) -> int:
    client = deployment.registry.server.client
    experiment = client.get_experiment_by_name(PIPELINE)
    assert experiment is not None
    return len(client.search_runs([experiment.experiment_id], f"tags.`{tags.TRAIN_RUN}` = '{train_run}'"))


def _versions(deployment: Deployment, train_run: str) -> list[int]:
    every = deployment.registry.versions.all(PIPELINE)
    return [each.version for each in every if each.tags.get(tags.TRAIN_RUN) == train_run]


def test_a_training_whose_pod_and_mlflow_were_killed_goes_on_in_its_run_and_registers_once(
    deployment: Deployment, published: None, releases: Releases
) -> None:
    deployment.start("train", "pod-killed", canary_minutes=10)
    pod = at_work(deployment.settings, POD)
    wait_until(lambda: deployment.registry.runs.find(PIPELINE, "pod-killed"), "the training opens its run", every=0.5)
    kill(pod)
    kill(deployment.process("mlflow"))
    deployment.must_succeed("train", "pod-killed")

    version = deployment.registered_by("pod-killed")
    release = releases.of(version)
    assert deployment.tries("train", "pod-killed")["train"] > 1
    assert _runs(deployment, "pod-killed") == 1, "the second try resumed the first one's MLflow run"
    assert _versions(deployment, "pod-killed") == [version]
    assert deployment.api.run_state(DAG, release.run_id) is not None, "its release has begun"


def test_a_training_registers_once_although_scheduler_cluster_and_api_server_were_killed(
    deployment: Deployment, published: None, releases: Releases
) -> None:
    deployment.start("train", "rest-killed", canary_minutes=10)
    wait_until(
        lambda: deployment.state_of("train", "rest-killed", "train") in ("running", "deferred"),
        "the training begins",
        120,
        every=0.5,
    )
    kill(deployment.process("scheduler"))
    at_work(deployment.settings, POD)
    kill(deployment.process("cluster"))
    kill(deployment.process("api-server"))
    deployment.must_succeed("train", "rest-killed")

    version = deployment.registered_by("rest-killed")
    release = releases.of(version)
    assert _runs(deployment, "rest-killed") == 1
    assert _versions(deployment, "rest-killed") == [version]
    assert deployment.api.run_state(DAG, release.run_id) is not None, "its release has begun"
