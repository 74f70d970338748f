"""The running stack and everything a test asks of it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date

import httpx
import psutil
from tests.system.processes import wait_until

from airworthy.airflow_api.client import AirflowApi
from airworthy.lake import tables
from airworthy.lake.lake import Lake
from airworthy.ledger.ledger import Ledger
from airworthy.registry.registry import Registry
from airworthy.release.controller import ReleaseController
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec
from airworthy.traffic.serving_state import ServingState
from airworthy_demo import journey
from airworthy_demo.playback import Pace, Playback
from airworthy_demo.replay import Replay
from airworthy_demo.tally import ReplayReport
from airworthy_demo.world import World
from airworthy_local.stack import Stack

PIPELINE = "flight_delays"
TRAINING, PUBLISHED = tables.training(PIPELINE), tables.published(PIPELINE)
#: Requests of one test, and how many a second: twenty seconds, of which the canary gets some 120 answers.
REQUESTS, RATE = 2400, 120
#: A run that needs no person ends within this, also on a busy machine and with a killed task tried again.
RUN_SECONDS = 600


@dataclass
class Deployment:
    """The running stack, its addresses, and Airflow as its administrator uses it."""

    stack: Stack
    settings: Settings
    spec: PipelineSpec
    api: AirflowApi
    world: World

    @property
    def registry(self) -> Registry:
        return Registry(self.settings.mlflow_url)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.ledger_url)

    @property
    def lake(self) -> Lake:
        return Lake.of(self.settings)

    @property
    def control(self) -> ReleaseController:
        return ReleaseController(self.spec, self.registry, self.ledger, self.settings)

    def process(self, name: str) -> psutil.Process:
        """The running process of a part of the stack."""

        def look() -> int | None:
            return next(each for each in self.stack.status() if each.name == name).pid

        return psutil.Process(wait_until(look, f"{name} runs", every=0.3))

    def champion(self) -> int | None:
        """The version that gets all traffic but the canary's share; a baseline while nobody has approved any."""
        return self.serving_state().champion

    def serving_state(self) -> ServingState:
        """What should serve, as MLflow's aliases say."""
        return self.registry.aliases.serving_state(PIPELINE)

    # ------------------------------------------------------------------ Dag runs

    def start(self, dag: str, run_id: str, **conf: object) -> None:
        """Start a run of ``data``, ``train`` or ``release``."""
        self.api.trigger(f"{PIPELINE}.{dag}", conf, run_id=run_id)

    def must_succeed(self, dag: str, run_id: str) -> None:
        """Follow a run to its end, which has to be success."""
        journey.must_succeed(self.api, f"{PIPELINE}.{dag}", run_id, quiet)

    def state_of(self, dag: str, run_id: str, task_id: str) -> str | None:
        """The state of a task now."""
        return journey.state_of(self.api.tasks(f"{PIPELINE}.{dag}", run_id), task_id)

    def tries(self, dag: str, run_id: str) -> dict[str, int]:
        """How often each task of a run was tried."""
        return {task.task_id: task.try_number for task in self.api.tasks(f"{PIPELINE}.{dag}", run_id)}

    def registered_by(self, train_run: str) -> int:
        """The version that a run of ``train`` has registered."""
        return int(self.api.result(f"{PIPELINE}.train", train_run, "register"))

    # ------------------------------------------------------------------ what is there

    def table_versions(self) -> dict[str, int | None]:
        """The Delta version of each table that the data DAG writes; None while there is no such table."""
        names = [*(tables.raw(PIPELINE, source) for source in self.spec.sources), TRAINING, PUBLISHED]
        return {name: self.lake.version(name) for name in names}

    def trained_versions(self) -> list[int]:
        """Versions that were trained here and passed their gates, oldest first."""
        return [each.version for each in self.registry.versions.all(PIPELINE) if not each.is_baseline]

    # ------------------------------------------------------------------ people, at a terminal

    def airworthy(self, *arguments: str, user: str = "approver") -> subprocess.CompletedProcess[str]:
        """Run the command line as this person."""
        environment = {
            **os.environ,
            "AIRWORTHY_USER": user,
            "AIRWORTHY_PASSWORD": self.stack.credentials(user).password,
            "AIRWORTHY_AIRFLOW_URL": self.stack.airflow_url,
            "COLUMNS": "200",
        }
        command = [sys.executable, "-m", "airworthy.cli.main", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)

    # ------------------------------------------------------------------ people, asking

    def ask(self, day: date, count: int = 250) -> dict[str, int]:
        """The version that answers each of a day's first requests, as soon as the service is ready."""
        headers = {"Authorization": f"Bearer {self.settings.serving_token}"}
        with httpx.Client(base_url=self.settings.serving_url, headers=headers, timeout=30) as client:
            wait_until(lambda: _ready(client), "the service is ready", 90)
            answer = client.post(
                f"/v1/models/{PIPELINE}:predict", json={"instances": self.world.requests(day)[:count]}
            ).raise_for_status()
        return {each["key"]: each["version"] for each in answer.json()["predictions"]}

    def send(self, first_day: date) -> Sending:
        """Begin to send :data:`REQUESTS` requests in the background, the flights of ``first_day`` and on."""
        return Sending(self, first_day)


class Sending:
    """Requests that are under way."""

    def __init__(self, deployment: Deployment, first_day: date) -> None:
        self.answered = 0
        replay = Replay(deployment.world, deployment.settings, deployment.spec)
        playback = Playback(first_day, date(2013, 3, 31), limit=REQUESTS, pace=Pace(rate=RATE))
        self._traffic = journey.BackgroundTraffic(replay, playback)
        self._traffic.start(self._progress)

    def wait_for(self, answers: int) -> None:
        """Wait until so many are answered, all variants together."""
        wait_until(lambda: self.answered >= answers, f"{answers} requests are answered", 120)

    def finish(self) -> ReplayReport:
        """Wait for the last answer; what came back."""
        return self._traffic.finish()

    def _progress(self, report: ReplayReport) -> None:
        self.answered = report.requests


def quiet(_tasks: object) -> None:
    """Show nothing while a run is followed."""


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/ready").status_code == 200
    except httpx.TransportError:
        return False
