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
from collections.abc import Callable
from datetime import date
from pathlib import Path

import httpx
import psutil
import pytest
from tests.system import browser
from tests.system.conftest import PIPELINE, Deployment

from airworthy.airflow_api.client import AirflowApi, RequiredAction
from airworthy.lake.lake import Lake
from airworthy_cluster.processes import living
from airworthy_demo import journey
from airworthy_demo.playback import Pace, Playback
from airworthy_demo.replay import Replay
from airworthy_demo.tally import ReplayReport

REQUESTS = 2400
ASKED = ("approval_requested", "approved", "promoted")
# the pod's first program becomes DeepSpeed's launcher (exec), which starts the training
POD_TRAINING = r"(-m|--module) airworthy\.training\.(launcher|worker)"


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
    traffic = journey.BackgroundTraffic(
        Replay(deployment.world, deployment.settings, deployment.spec),
        Playback(first_day, date(2013, 2, 28), limit=REQUESTS, pace=Pace(rate=120)),
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


def tries(deployment: Deployment, dag_id: str, run_id: str) -> dict[str, int]:
    """How often each task of a run was tried."""
    return {task.task_id: task.try_number for task in deployment.api.tasks(dag_id, run_id)}


def events(deployment: Deployment, version: int) -> list[str]:
    return [entry.event for entry in deployment.ledger.entries(PIPELINE, f"{PIPELINE}-v{version}")]


def versions_by_key(deployment: Deployment, day: date) -> dict[str, int]:
    """Which version answers each request of a day, as soon as the service is ready."""
    url, token = deployment.settings.serving_url, deployment.settings.serving_token
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        wait_until(lambda: _ready(client), "the service is back")
        answer = client.post(
            f"/v1/models/{PIPELINE}:predict", json={"instances": deployment.world.requests(day)[:250]}
        ).raise_for_status()
    return {each["key"]: each["version"] for each in answer.json()["predictions"]}


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/ready").status_code == 200
    except httpx.TransportError:
        return False


def table_versions(deployment: Deployment) -> dict[str, int | None]:
    lake = Lake.of(deployment.settings)
    names = ("raw/flights", "raw/weather", "raw/planes", "features/training", "features/published")
    return {name: lake.version(f"{PIPELINE}/{name}") for name in names}


@pytest.fixture(scope="module")
def state() -> dict[str, int]:
    """Versions by what became of them."""
    return {}


def test_landed_files_become_published_features_although_spark_is_killed_and_a_second_run_changes_nothing(
    deployment: Deployment,
) -> None:
    deployment.api.trigger(f"{PIPELINE}.data", {}, run_id="first")
    kill(wait_for_process(deployment, "org.apache.spark.deploy.SparkSubmit"))
    kill(deployment.process("dag-processor"))
    journey.must_succeed(deployment.api, f"{PIPELINE}.data", "first", quiet)
    assert tries(deployment, f"{PIPELINE}.data", "first")["features"] == 2
    after_first = table_versions(deployment)
    assert None not in after_first.values()

    run(deployment, "data", "second")

    assert table_versions(deployment) == after_first


def test_a_candidate_approved_in_the_browser_becomes_the_champion(deployment: Deployment, tmp_path: Path) -> None:
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

    met = versions_by_key(deployment, date(2013, 2, 9))
    assert set(met.values()) == {before, version}
    assert versions_by_key(deployment, date(2013, 2, 9)) == met
    kill(deployment.process("serving"))
    assert versions_by_key(deployment, date(2013, 2, 9)) == met, "also after a restart"

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


def test_nobody_is_answered_without_the_token(deployment: Deployment) -> None:
    url = f"{deployment.settings.serving_url}/v1/models/{PIPELINE}:predict"
    instances = deployment.world.requests(date(2013, 2, 9))[:1]
    refused = [
        httpx.post(url, json={"instances": instances}, headers=headers).status_code
        for headers in ({}, {"Authorization": "Bearer guessed"})
    ]
    assert refused == [401, 401]


def test_a_rejected_candidate_leaves_the_champion_untouched_although_the_pod_and_mlflow_were_killed(
    deployment: Deployment,
) -> None:
    deployment.api.trigger(f"{PIPELINE}.train", {"canary_minutes": 0.6}, run_id="second")
    training = wait_for_process(deployment, POD_TRAINING)
    wait_until(lambda: deployment.registry.runs.find(PIPELINE, "second") is not None, "the training opens its run")
    kill(training)
    time.sleep(1)
    kill(deployment.process("mlflow"))
    journey.must_succeed(deployment.api, f"{PIPELINE}.train", "second", quiet)
    version = int(deployment.api.result(f"{PIPELINE}.train", "second", "register"))
    client = deployment.registry.server.client
    experiment = client.get_experiment_by_name(PIPELINE)
    runs = client.search_runs([experiment.experiment_id], "tags.`airworthy.train_run` = 'second'")
    assert tries(deployment, f"{PIPELINE}.train", "second")["train"] > 1
    assert len(runs) == 1, "the second try resumed the first one's MLflow run"
    versions = client.search_model_versions(f"name = '{PIPELINE}'")
    assert len([v for v in versions if v.tags.get("airworthy.train_run") == "second"]) == 1

    canary_until_asked(deployment, version, first_day=date(2013, 2, 12))
    before = deployment.champion()
    rejected = airworthy(
        deployment, "reject", PIPELINE, "--version", str(version), "--yes", "--reason", "not convinced"
    )

    assert rejected.returncode == 0, rejected.stderr
    tasks = finish(deployment, version)
    assert tasks["promote"] == "skipped"
    assert tasks["roll_back"] == "success"
    serving = deployment.registry.aliases.serving_state(PIPELINE)
    assert (serving.champion, serving.challenger) == (before, None)
    assert events(deployment, version)[-1] == "rejected"
    assert "promoted" not in events(deployment, version)


def test_a_candidate_approved_on_the_command_line_is_promoted_although_scheduler_and_serving_failed(
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

    scheduler = deployment.process("scheduler")

    def kill_serving_and_hang_the_scheduler_while_it_asks() -> None:
        time.sleep(4)
        kill(deployment.process("serving"))
        wait_until(lambda: state_now(deployment, version, "approve") == "running", "approve begins", 180)
        scheduler.send_signal(signal.SIGSTOP)

    _, sent = canary_until_asked(
        deployment, version, first_day=date(2013, 2, 15), during=kill_serving_and_hang_the_scheduler_while_it_asks
    )
    assert (sent.requests, sent.errors) == (REQUESTS, 0), "each request was answered once, across the restart"
    wrong = airworthy(
        deployment, "approve", PIPELINE, "--version", str(version), "--yes", "--reason", "x", user="admin"
    )
    assert wrong.returncode == 1
    assert "not a respondent" in wrong.stderr

    approved = airworthy(deployment, "approve", PIPELINE, "--version", str(version), "--yes", "--reason", "better")

    assert approved.returncode == 0, approved.stderr
    # it now finds an answered task that it never saw waiting, takes it for a killed one and tries it again
    scheduler.send_signal(signal.SIGCONT)
    assert finish(deployment, version)["promote"] == "success"
    tried = tries(deployment, f"{PIPELINE}.release", f"{PIPELINE}-v{version}")
    assert tried["approve"] == 2, "the answer was given to a try that was lost"
    assert deployment.champion() == version
    happened = events(deployment, version)
    assert {event: happened.count(event) for event in ASKED} == dict.fromkeys(ASKED, 1)
    deployment.ledger.verify()


def test_no_prediction_is_logged_twice(deployment: Deployment) -> None:
    lake, table = Lake.of(deployment.settings), f"{PIPELINE}/logs/predictions"
    deadline = time.monotonic() + 60
    while not lake.exists(table) or lake.read(table).num_rows < REQUESTS:
        assert time.monotonic() < deadline, "the prediction log did not reach the lake"
        time.sleep(1)
    rows = lake.read(table, columns=["prediction_id"]).column("prediction_id").to_pylist()
    assert len(rows) == len(set(rows))


def test_marking_the_approval_as_successful_by_hand_promotes_nothing_while_the_rest_of_the_stack_is_killed(
    deployment: Deployment, state: dict[str, int]
) -> None:
    before = deployment.champion()
    deployment.api.trigger(f"{PIPELINE}.train", {"canary_minutes": 0.6}, run_id="fourth")
    wait_for_process(deployment, POD_TRAINING)
    kill(deployment.process("cluster"))
    kill(deployment.process("api-server"))
    journey.must_succeed(deployment.api, f"{PIPELINE}.train", "fourth", quiet)
    version = int(deployment.api.result(f"{PIPELINE}.train", "fourth", "register"))
    state["trained last"] = version

    def kill_triggerer() -> None:
        time.sleep(4)
        kill(deployment.process("triggerer"))

    action, _ = canary_until_asked(deployment, version, first_day=date(2013, 2, 18), during=kill_triggerer)
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
    assert deployment.registry.aliases.serving_state(PIPELINE).challenger is None


def test_a_candidate_that_breaks_while_people_decide_is_rolled_back_and_their_yes_comes_too_late(
    deployment: Deployment, state: dict[str, int]
) -> None:
    version = registered_again(deployment, state.get("trained last") or train(deployment, "fifth"))
    conf = {"version": version, "canary_minutes": 0.6}
    deployment.api.trigger(f"{PIPELINE}.release", conf, run_id=f"{PIPELINE}-v{version}")
    canary_until_asked(deployment, version, first_day=date(2013, 2, 21))
    assert deployment.registry.aliases.serving_state(PIPELINE).challenger == version
    before = deployment.champion()

    spoil_model_files(deployment, version)
    kill(deployment.process("serving"))
    playback = Playback(date(2013, 2, 24), date(2013, 2, 28), limit=REQUESTS, pace=Pace(rate=120))
    sent = Replay(deployment.world, deployment.settings, deployment.spec).traffic(playback)

    assert (sent.requests, sent.errors) == (REQUESTS, 0), "the champion answers in the broken candidate's place"
    wait_until(lambda: events(deployment, version)[-1] == "voided", "the guard ends the release")
    serving = deployment.registry.aliases.serving_state(PIPELINE)
    assert (serving.champion, serving.challenger, serving.canary_percent) == (before, None, 0.0)

    late = airworthy(
        deployment, "approve", PIPELINE, "--version", str(version), "--yes", "--reason", "looked fine an hour ago"
    )

    assert late.returncode == 0, late.stderr
    tasks = finish(deployment, version)
    assert (tasks["guard"], tasks["approve"], tasks["promote"]) == ("failed", "failed", "upstream_failed")
    assert deployment.champion() == before
    assert not {"approved", "promoted"} & set(events(deployment, version))
    deployment.ledger.verify()


def registered_again(deployment: Deployment, version: int) -> int:
    """A new version of the same model, so that a release can be tried without another training."""
    client = deployment.registry.server.client
    found = client.get_model_version(PIPELINE, str(version))
    model_id = found.source.removeprefix("models:/")
    again = client.create_model_version(PIPELINE, found.source, found.run_id, dict(found.tags), model_id=model_id)
    return int(again.version)


def spoil_model_files(deployment: Deployment, version: int) -> None:
    """Overwrite the ONNX file of a version in MLflow and in the service's cache; other versions keep theirs."""
    found = deployment.registry.server.client.get_model_version(PIPELINE, str(version))
    model_id = found.source.removeprefix("models:/")
    home = deployment.settings.home
    stored = [path for path in (home / "mlflow").rglob("*.onnx") if model_id in path.parts]
    cached = list((home / "serving" / PIPELINE / "models" / str(version)).rglob("*.onnx"))
    assert stored, f"no files of {model_id} below {home / 'mlflow'}"
    assert cached, f"v{version} is not in the service's cache"
    for path in stored + cached:
        path.write_bytes(b"no model any more")


def airworthy(deployment: Deployment, *arguments: str, user: str = "approver") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "AIRWORTHY_USER": user,
        "AIRWORTHY_PASSWORD": deployment.stack.credentials(user).password,
        "AIRWORTHY_AIRFLOW_URL": deployment.stack.airflow_url,
        "COLUMNS": "200",
    }
    command = [sys.executable, "-m", "airworthy.cli.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait, looking often."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


def wait_for_process(deployment: Deployment, pattern: str, seconds: float = 180) -> psutil.Process:
    """A process of this deployment that has run for three seconds, by its command line."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for process in living():
            if re.search(pattern, _command(process)) and _belongs_to(process, deployment):
                time.sleep(3)
                if process.is_running():
                    return process
        time.sleep(0.5)
    raise AssertionError(f"no process {pattern} within {seconds:g} s")


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _belongs_to(process: psutil.Process, deployment: Deployment) -> bool:
    try:
        return process.environ().get("AIRWORTHY_LAKE") == deployment.settings.lake
    except psutil.Error:
        return False


def state_now(deployment: Deployment, version: int, task_id: str) -> str | None:
    """The state of a task of a release."""
    return journey.state_of(deployment.api.tasks(f"{PIPELINE}.release", f"{PIPELINE}-v{version}"), task_id)


def kill(process: psutil.Process) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(10)
