"""The stages of data and train without Airflow: one process after the other, as a cron job would run them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = "flight_delays"
TRAIN_RUN = "shell"
FEATURE_JOB = ROOT / "include" / "airworthy" / "features" / "build" / "job.py"


class StageFailed(RuntimeError):
    """A stage ended with an error; its output says why."""


@dataclass(frozen=True)
class Stage:
    """One stage: its Airflow task(s) and its command."""

    tasks: tuple[str, ...]
    command: list[str]

    @property
    def name(self) -> str:
        """As its first task."""
        return self.tasks[0]


def stages(features_version: str) -> list[Stage]:
    """The stages of data and train, as commands.

    Args:
        features_version: what the snapshot stage printed; of no consequence for the stages up to that one.
    """
    python = sys.executable
    own = [python, "-m", "airworthy.steps"]
    submit = [str(Path(python).parent / "spark-submit"), "--master", "local[*]", "--conf", "spark.ui.enabled=false"]
    pipeline = ["--pipeline", PIPELINE]
    train = ["--train-run", TRAIN_RUN]
    fit = ["-m", "airworthy.training.launcher", *pipeline, *train, "--features-version", features_version]
    return [
        Stage(("ingest",), [*own, "ingest", *pipeline]),
        Stage(("features",), [*submit, str(FEATURE_JOB), *pipeline]),
        Stage(("validate", "publish"), [*own, "validate-publish", *pipeline]),
        Stage(("materialise",), [*own, "materialise", *pipeline]),
        Stage(("snapshot",), [*own, "snapshot", *pipeline]),
        Stage(("train",), [python, *fit]),
        Stage(("evaluate",), [python, "-m", "airworthy.evaluation.evaluate", *pipeline, *train]),
        Stage(("gates",), [*own, "gates", *pipeline, *train]),
        Stage(("register",), [*own, "register", *pipeline, *train]),
    ]


def run(environment: Mapping[str, str], home: Path, *, until: str = "register") -> dict[str, float]:
    """Run the stages in a lake and a state folder of their own; seconds by stage.

    Args:
        environment: with the addresses of MLflow and of the landing zone.
        home: an empty folder.
        until: the last stage to run.

    Raises:
        StageFailed: with the end of what the stage printed.
    """
    own = {"AIRWORTHY_HOME": home, "AIRWORTHY_LAKE": home / "lake", "AIRWORTHY_ONLINE_STORE": home / "online.db"}
    environment = {**environment, **{name: str(value) for name, value in own.items()}}
    # spark-submit looks for its own Python there
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", os.defpath)])
    seconds: dict[str, float] = {}
    version = "0"
    for position in range(len(stages(version))):
        stage = stages(version)[position]
        began = time.monotonic()
        done = subprocess.run(stage.command, env=environment, capture_output=True, text=True, cwd=home)
        if done.returncode:
            raise StageFailed(f"{stage.name} failed in the shell:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        seconds[stage.name] = time.monotonic() - began
        if stage.name == "snapshot":
            version = done.stdout.strip().splitlines()[-1]
        if stage.name == until:
            break
    return seconds


@contextmanager
def mlflow_server(home: Path, port: int) -> Iterator[str]:
    """An MLflow server on loopback, its state below ``home``; yields its address.

    Raises:
        StageFailed: it did not come up within 90 seconds.
    """
    import httpx

    home.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(home / "artifacts")]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    url = f"http://127.0.0.1:{port}"
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            deadline = time.monotonic() + 90
            while server.poll() is None and time.monotonic() < deadline:
                try:
                    if httpx.get(f"{url}/health", timeout=2, trust_env=False).is_success:
                        break
                except httpx.TransportError:
                    time.sleep(0.2)
            else:
                raise StageFailed(f"mlflow server did not come up:\n{(home / 'log').read_text()[-3000:]}")
            yield url
        finally:
            os.killpg(server.pid, 15)
            server.wait(30)
