"""The embedded stack's processes: what each runs, and how to see that it is healthy."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import httpx

from airworthy_local.ports import LOOPBACK, Ports
from airworthy_local.supervisor import ProcessState
from airworthy_local.supervisord_config import Program

#: In the order in which they start.
NAMES = ("cluster", "mlflow", "api-server", "serving", "dag-processor", "triggerer", "scheduler")
#: These serve no port of their own: they report to Airflow's database, and the API server tells.
_BEATING = {"scheduler": "scheduler", "triggerer": "triggerer", "dag-processor": "dag_processor"}

Health = Literal["healthy", "starting", "failing", "stopped"]


@dataclass(frozen=True)
class ProcessHealth:
    """One process as `airworthy status` shows it.

    Attributes:
        name: see ``NAMES``.
        health: starting while it runs but does not answer yet.
        pid: None while it does not run.
        started: Unix time of its last start, 0 for never.
        address: where it answers; empty for those without a port.
        detail: why it is not healthy.
    """

    name: str
    health: Health
    pid: int | None
    started: int
    address: str
    detail: str


def programs(home: Path, ports: Ports) -> list[Program]:
    """What the supervisor runs."""
    mlflow_home = home / "mlflow"
    commands: dict[str, list[str]] = {
        "cluster": _module("airworthy_cluster", home=home / "cluster", port=ports.cluster),
        "mlflow": [
            *("mlflow", "server", "--host", LOOPBACK, "--port", str(ports.mlflow), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{mlflow_home / 'mlflow.db'}"),
            *("--artifacts-destination", str(mlflow_home / "artifacts")),
        ],
        "api-server": ["airflow", "api-server", "--host", LOOPBACK, "--port", str(ports.airflow), "--workers", "1"],
        "serving": _module("airworthy.serving", host=LOOPBACK, port=ports.serving),
        "dag-processor": ["airflow", "dag-processor"],
        # Their log servers would listen on every interface; the API server reads the logs' folder itself.
        "triggerer": ["airflow", "triggerer", "--skip-serve-logs"],
        "scheduler": ["airflow", "scheduler", "--skip-serve-logs"],
    }
    variables: dict[str, dict[str, str]] = {
        # its background jobs (evaluations started from the UI) would be two more processes that nothing here uses
        "mlflow": {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    }
    return [Program(name, commands[name], variables.get(name)) for name in NAMES]


def _module(name: str, **options: object) -> list[str]:
    return [sys.executable, "-m", name, *[part for key, value in options.items() for part in (f"--{key}", str(value))]]


def addresses(ports: Ports) -> dict[str, str]:
    """Base URL of every process that has one."""
    return {
        "cluster": f"https://{LOOPBACK}:{ports.cluster}",
        "mlflow": f"http://{LOOPBACK}:{ports.mlflow}",
        "api-server": f"http://{LOOPBACK}:{ports.airflow}",
        "serving": f"http://{LOOPBACK}:{ports.serving}",
    }


_PATHS = {"cluster": "/healthz", "mlflow": "/health", "api-server": "/api/v2/monitor/health", "serving": "/health"}


def health(states: Mapping[str, ProcessState], ports: Ports, *, timeout_seconds: float = 5) -> list[ProcessHealth]:
    """Ask every running process whether it works.

    Args:
        states: what the supervisor knows.
        ports: where they answer.
        timeout_seconds: how long each may take to answer.
    """
    where = addresses(ports)
    answers: dict[str, Any] = {}
    # the cluster's certificate is its own; asking for health gives nothing away
    with httpx.Client(timeout=timeout_seconds, trust_env=False, verify=False) as client:
        for name, path in _PATHS.items():
            if states[name].pid:
                answers[name] = _ask(client, where[name] + path)
    monitor = answers.get("api-server")
    found = []
    for name in NAMES:
        state = states[name]
        detail = state.detail
        if state.pid is None:
            verdict: Health = "failing" if state.state == "failing" else "stopped"
        else:
            if name in _BEATING:
                ready, detail = _beats(monitor, _BEATING[name], state.started)
            else:
                ready, detail = answers[name] is not None, "" if answers[name] is not None else "does not answer yet"
            verdict = "healthy" if ready else "starting"
        found.append(ProcessHealth(name, verdict, state.pid, state.started, where.get(name, ""), detail))
    return found


def _ask(client: httpx.Client, url: str) -> dict[str, Any] | None:
    try:
        answer = client.get(url)
    except httpx.TransportError:
        return None
    if not answer.is_success:
        return None
    return answer.json() if answer.headers.get("content-type", "").startswith("application/json") else {}


def _beats(monitor: dict[str, Any] | None, job: str, started: int) -> tuple[bool, str]:
    """Whether a job's last heartbeat is from this start of it, not from its predecessor."""
    if monitor is None:
        return False, "waits for the API server"
    report = monitor.get(job) or {}
    latest = report.get(f"latest_{job}_heartbeat")
    if report.get("status") == "healthy" and latest and datetime.fromisoformat(latest).timestamp() >= started:
        return True, ""
    return False, "no heartbeat yet"
