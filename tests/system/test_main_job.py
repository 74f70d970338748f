"""The main job on the real stack: landed files become an approved champion; a rejected one changes nothing.

The tests build on one another, in this order, as releases do.
"""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import httpx
import psutil
import pytest
from tests.system import browser
from tests.system.conftest import PIPELINE, Deployment

from airworthy.airflow_api import AirflowApi, RequiredAction
from airworthy.demo import journey
from airworthy.lake import Lake
from airworthy.local.replay import Replay
from airworthy.local.traffic import ReplayReport
from airworthy.serving.split import variant as variant_of

REQUESTS = 2400


def quiet(_tasks: object) -> None:
    pass


def run(deployment: Deployment, stage: str, run_id: str) -> None:
    dag_id = f"{PIPELINE}.{stage}"
    deployment.api.trigger(dag_id, {"canary_minutes": 0.6} if stage == "train" else {}, run_id=run_id)
    journey.must_succeed(deployment.api, dag_id, run_id, quiet)


def train(deployment: Deployment, run_id: str) -> int:
    run(deployment, "train", run_id)
    return int(deployment.api.result(f"{PIPELINE}.train", run_id, "register"))


def canary_until_asked(
    deployment: Deployment, version: int, *, first_day: date, during: object = None
) -> tuple[RequiredAction, ReplayReport]:
    """Send traffic through the canary until people are asked."""
    dag_id, run_id, api = f"{PIPELINE}.release", f"{PIPELINE}-v{version}", deployment.api
    watching = {"running", "deferred"}
    journey.follow(api, dag_id, run_id, quiet, until=lambda t: journey.state_of(t, "watch") in watching)
    traffic = journey.Traffic(
        Replay(deployment.world, deployment.settings, deployment.spec),
        {"start": first_day, "end": date(2013, 2, 28), "limit": REQUESTS, "rate": 120},
    )
    traffic.start()
    if callable(during):
        during()
    state = journey.follow(api, dag_id, run_id, quiet, until=journey.waits_for_a_person)
    assert state not in ("success", "failed"), api.tasks(dag_id, run_id)
    return journey.wait_for_action(api, PIPELINE, version), traffic.finish()


def finish(deployment: Deployment, version: int) -> dict[str, str | None]:
    """Follow the release to its end; states by task."""
    dag_id, run_id = f"{PIPELINE}.release", f"{PIPELINE}-v{version}"
    journey.follow(deployment.api, dag_id, run_id, quiet, timeout_seconds=180)
    return {task.task_id: task.state for task in deployment.api.tasks(dag_id, run_id)}


def events(deployment: Deployment, version: int) -> list[str]:
    return [entry.event for entry in deployment.ledger.entries(PIPELINE, f"{PIPELINE}-v{version}")]


def table_versions(deployment: Deployment) -> dict[str, int | None]:
    lake = Lake.of(deployment.settings)
    names = ("raw/flights", "raw/weather", "raw/planes", "features/training", "features/published")
    return {name: lake.version(f"{PIPELINE}/{name}") for name in names}


@pytest.fixture(scope="module")
def state() -> dict[str, int]:
    """Versions by what became of them."""
    return {}


def test_landed_files_become_published_features_and_a_second_run_changes_nothing(deployment: Deployment) -> None:
    run(deployment, "data", "first")
    after_first = table_versions(deployment)
    assert None not in after_first.values()

    run(deployment, "data", "second")

    assert table_versions(deployment) == after_first


def test_a_candidate_approved_in_the_browser_becomes_the_champion(
    deployment: Deployment, state: dict[str, int], tmp_path: Path
) -> None:
    version = train(deployment, "first")
    before = deployment.champion()
    action, sent = canary_until_asked(deployment, version, first_day=date(2013, 2, 9))

    before = before or deployment.champion()
    assert before is not None, "while no release was approved, the always-average baseline answers"
    assert before != version, "nothing is promoted before a person has answered"
    expected = 0.05 * sent.requests
    spread = math.sqrt(0.05 * 0.95 * sent.requests)
    assert sent.requests == REQUESTS
    assert sent.errors == 0
    assert abs(sent.by_variant["challenger"] - expected) < 4 * spread, sent

    approver = deployment.stack.credentials("approver")
    url = (
        f"{deployment.stack.airflow_url}/dags/{action.dag_id}/runs/{action.run_id}/tasks/{action.task_id}"
        "/required_actions"
    )
    with browser.signed_in(deployment.stack.airflow_url, approver.user, approver.password) as page:
        shown = browser.answer(page, url, "Approve", "clicked in a browser", tmp_path / "required-action.png")
    assert f"v{version}" in shown
    assert "ROC AUC" in shown

    tasks = finish(deployment, version)
    assert tasks["promote"] == "success"
    assert tasks["roll_back"] == "skipped"
    assert deployment.champion() == version
    approved = [e for e in deployment.ledger.entries(PIPELINE) if e.event == "approved"]
    assert [(e.actor, e.version, e.reason) for e in approved] == [("approver", version, "clicked in a browser")]
    deployment.ledger.verify()
    state["champion"] = version


def test_the_same_key_always_meets_the_same_version(deployment: Deployment) -> None:
    with httpx.Client(
        base_url=deployment.settings.serving_url,
        headers={"Authorization": f"Bearer {deployment.settings.serving_token}"},
    ) as client:
        instances = deployment.world.requests(date(2013, 2, 9))[:50]
        answers = [
            client.post(f"/v1/models/{PIPELINE}:predict", json={"instances": instances}).json()["predictions"]
            for _ in range(3)
        ]
        refused = httpx.post(
            f"{deployment.settings.serving_url}/v1/models/{PIPELINE}:predict", json={"instances": instances}
        )
    assert [[a["version"] for a in each] for each in answers[1:]] == [[a["version"] for a in answers[0]]] * 2
    assert refused.status_code == 401
    keys = [f"key-{n}" for n in range(500)]
    assert [variant_of(k, "r1", 5) for k in keys] == [variant_of(k, "r1", 5) for k in keys]


def test_a_rejected_candidate_leaves_the_champion_untouched_although_the_pod_and_mlflow_were_killed(
    deployment: Deployment, state: dict[str, int]
) -> None:
    deployment.api.trigger(f"{PIPELINE}.train", {"canary_minutes": 0.6}, run_id="second")
    kill(wait_for_pod_process(deployment, "airworthy.training"))
    time.sleep(1)
    kill(deployment.process("mlflow"))
    journey.must_succeed(deployment.api, f"{PIPELINE}.train", "second", quiet)
    version = int(deployment.api.result(f"{PIPELINE}.train", "second", "register"))
    client = deployment.registry.client
    experiment = client.get_experiment_by_name(PIPELINE)
    runs = client.search_runs([experiment.experiment_id], "tags.`airworthy.train_run` = 'second'")
    assert len(runs) == 1, "the second try resumed the first one's MLflow run"
    versions = client.search_model_versions(f"name = '{PIPELINE}'")
    assert len([v for v in versions if v.tags.get("airworthy.train_run") == "second"]) == 1

    canary_until_asked(deployment, version, first_day=date(2013, 2, 12))
    rejected = airworthy(deployment, "reject", PIPELINE, "--yes", "--reason", "not convinced")

    assert rejected.returncode == 0, rejected.stderr
    tasks = finish(deployment, version)
    assert tasks["promote"] == "skipped"
    assert tasks["roll_back"] == "success"
    serving = deployment.registry.serving_state(PIPELINE)
    assert (serving.champion, serving.challenger) == (state["champion"], None)
    assert events(deployment, version)[-1] == "rejected"
    assert "promoted" not in events(deployment, version)


def test_a_candidate_approved_on_the_command_line_is_promoted_although_scheduler_and_serving_were_killed(
    deployment: Deployment,
) -> None:
    deployment.api.trigger(f"{PIPELINE}.train", {"canary_minutes": 0.6}, run_id="third")
    journey.follow(
        deployment.api,
        f"{PIPELINE}.train",
        "third",
        quiet,
        until=lambda tasks: journey.state_of(tasks, "train") in ("running", "deferred"),
    )
    kill(deployment.process("scheduler"))
    journey.must_succeed(deployment.api, f"{PIPELINE}.train", "third", quiet)
    version = int(deployment.api.result(f"{PIPELINE}.train", "third", "register"))

    def kill_serving() -> None:
        time.sleep(4)
        kill(deployment.process("serving"))

    _, sent = canary_until_asked(deployment, version, first_day=date(2013, 2, 15), during=kill_serving)
    assert (sent.requests, sent.errors) == (REQUESTS, 0), "each request was answered once, across the restart"
    wrong = airworthy(deployment, "approve", PIPELINE, "--yes", "--reason", "x", user="admin")
    assert wrong.returncode == 1
    assert "not a respondent" in wrong.stderr

    approved = airworthy(deployment, "approve", PIPELINE, "--yes", "--reason", "better")

    assert approved.returncode == 0, approved.stderr
    assert finish(deployment, version)["promote"] == "success"
    assert deployment.champion() == version
    assert events(deployment, version).count("promoted") == 1
    deployment.ledger.verify()


def test_no_prediction_is_logged_twice(deployment: Deployment) -> None:
    lake, table = Lake.of(deployment.settings), f"{PIPELINE}/logs/predictions"
    deadline = time.monotonic() + 60
    while not lake.exists(table) or lake.read(table).num_rows < REQUESTS:
        assert time.monotonic() < deadline, "the prediction log did not reach the lake"
        time.sleep(1)
    rows = lake.read(table, columns=["prediction_id"]).column("prediction_id").to_pylist()
    assert len(rows) == len(set(rows))


def test_marking_the_approval_as_successful_by_hand_promotes_nothing(deployment: Deployment) -> None:
    before = deployment.champion()
    version = train(deployment, "fourth")
    action, _ = canary_until_asked(deployment, version, first_day=date(2013, 2, 18))
    with AirflowApi(deployment.stack.airflow_url, "admin", deployment.stack.credentials("admin").password) as admin:
        admin._call(
            "PATCH",
            f"/api/v2/dags/{action.dag_id}/dagRuns/{action.run_id}/taskInstances/{action.task_id}",
            json={"new_state": "success"},
        )
        # the guard still waits for a decision that never comes: end it by hand as well
        admin._call(
            "PATCH",
            f"/api/v2/dags/{action.dag_id}/dagRuns/{action.run_id}/taskInstances/guard",
            json={"new_state": "success"},
        )

    tasks = finish(deployment, version)

    assert tasks["promote"] == "failed"
    assert tasks["roll_back"] == "success"
    assert deployment.champion() == before
    assert deployment.registry.serving_state(PIPELINE).challenger is None


def airworthy(deployment: Deployment, *arguments: str, user: str = "approver") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "AIRWORTHY_USER": user,
        "AIRWORTHY_PASSWORD": deployment.stack.credentials(user).password,
        "AIRWORTHY_AIRFLOW_URL": deployment.stack.airflow_url,
        "COLUMNS": "200",
    }
    command = [sys.executable, "-m", "airworthy.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def wait_for_pod_process(deployment: Deployment, module: str, seconds: float = 180) -> psutil.Process:
    """The process of a pod's container in this deployment that runs ``module``."""
    deadline = time.monotonic() + seconds
    pattern = re.compile(rf"-m {re.escape(module)}|--module {re.escape(module)}")
    while time.monotonic() < deadline:
        for process in psutil.process_iter(["cmdline"]):
            line = " ".join(process.info["cmdline"] or [])
            if pattern.search(line) and _belongs_to(process, deployment):
                time.sleep(3)
                if process.is_running():
                    return process
        time.sleep(0.5)
    raise AssertionError(f"no pod ran {module} within {seconds:g} s")


def _belongs_to(process: psutil.Process, deployment: Deployment) -> bool:
    try:
        return process.environ().get("AIRWORTHY_LAKE") == deployment.settings.lake
    except psutil.Error:
        return False


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(10)
