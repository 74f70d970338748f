"""Airflow's REST API as a person uses it: sign in, start a Dag run, see its tasks, answer a required action."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import httpx

from airworthy.errors import AirworthyError


class AirflowApiError(AirworthyError):
    """Airflow's API refused a call or is away."""


@dataclass(frozen=True)
class TaskState:
    """One task of a Dag run.

    Attributes:
        task_id: the task's id.
        state: Airflow's state; None while it has not been scheduled.
        seconds: run time so far, None before it starts.
        try_number: which try this is.
    """

    task_id: str
    state: str | None
    seconds: float | None
    try_number: int


@dataclass(frozen=True)
class RequiredAction:
    """A question that waits for a person.

    Attributes:
        dag_id, run_id, task_id, map_index: where it waits.
        subject: the question.
        body: its evidence, Markdown.
        params: the form's current values by field.
    """

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    subject: str
    body: str
    params: dict[str, Any]


class AirflowApi:
    """A client of ``/api/v2``, signed in as one user.

    Args:
        url: base URL of the API server.
        user, password: who is calling; what they may do is decided by Airflow's auth manager.
        patience_seconds: how long a call waits for an API server that is away, e.g. restarting.

    Raises:
        AirflowApiError: signing in or a call failed; says why and what to do.
    """

    def __init__(self, url: str, user: str, password: str, *, patience_seconds: float = 60) -> None:
        self.url = url.rstrip("/")
        self.user = user
        self._password = password
        self._patience = patience_seconds
        self._client = httpx.Client(base_url=self.url, timeout=30)
        self._token: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._client.close()

    def trigger(self, dag_id: str, conf: dict[str, Any], *, run_id: str | None = None) -> str:
        """Start a Dag run and return its id; a run of that id that exists already is returned as it is."""
        body = {"conf": conf, "logical_date": None, **({"dag_run_id": run_id} if run_id else {})}
        answer = self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body, accept=(200, 409))
        if answer.status_code == 409:
            if run_id is None:
                raise AirflowApiError(f"{dag_id}: {_detail(answer)}", next_step="try again in a second")
            return run_id
        return str(answer.json()["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str | None:
        """State of a Dag run; None when there is no such run."""
        answer = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{_part(run_id)}", accept=(200, 404))
        return None if answer.status_code == 404 else str(answer.json()["state"])

    def runs(self, dag_id: str, *, states: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        """The latest Dag runs, newest first."""
        query: dict[str, Any] = {"order_by": "-run_after", "limit": 50}
        if states:
            query["state"] = list(states)
        return list(self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params=query).json()["dag_runs"])

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        """The tasks of a Dag run, as they started."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{_part(run_id)}/taskInstances"
        rows = self._call("GET", path, params={"limit": 200}).json()["task_instances"]
        now = datetime.now(UTC)
        return [
            TaskState(row["task_id"], row["state"], _seconds(row, now), int(row["try_number"] or 0))
            for row in sorted(rows, key=lambda row: row["start_date"] or "9")
        ]

    def result(self, dag_id: str, run_id: str, task_id: str) -> Any:
        """What a task returned; None if nothing."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{_part(run_id)}/taskInstances/{task_id}/xcomEntries/return_value"
        answer = self._call("GET", path, accept=(200, 404), params={"deserialize": True})
        return None if answer.status_code == 404 else answer.json()["value"]

    def log_tail(self, dag_id: str, run_id: str, task: TaskState, lines: int = 20) -> str:
        """The last lines of a task's log, as plain text."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{_part(run_id)}/taskInstances/{task.task_id}/logs/{task.try_number}"
        answer = self._call("GET", path, accept=(200, 404), headers={"Accept": "application/json"})
        if answer.status_code == 404:
            return "(no log)"
        content = answer.json().get("content", [])
        return "\n".join(str(entry.get("event", entry)) for entry in content[-lines:])

    def wait_for_dag(self, dag_id: str, *, timeout_seconds: float = 120) -> None:
        """Wait until Airflow has parsed a DAG, and show its import errors if it cannot."""
        deadline = time.monotonic() + timeout_seconds
        while self._call("GET", f"/api/v2/dags/{dag_id}", accept=(200, 404)).status_code == 404:
            if time.monotonic() > deadline:
                errors = self._call("GET", "/api/v2/importErrors").json()["import_errors"]
                shown = "\n".join(f"{each['filename']}: {each['stack_trace'][-400:]}" for each in errors)
                raise AirflowApiError(
                    f"Airflow does not know the DAG {dag_id} after {timeout_seconds:g} s\n{shown}",
                    next_step="airworthy logs dag-processor",
                )
            time.sleep(1)

    def pause(self, dag_id: str) -> None:
        """Let no further run of a DAG start; runs that are asked for wait in the queue."""
        self._call("PATCH", f"/api/v2/dags/{dag_id}", json={"is_paused": True})

    def required_actions(self, dag_id: str = "~") -> list[RequiredAction]:
        """Questions that wait for an answer now."""
        found = self._call(
            "GET",
            f"/api/v2/dags/{dag_id}/dagRuns/~/hitlDetails",
            params={"response_received": False, "state": "awaiting_input", "limit": 100},
        ).json()["hitl_details"]
        return [
            RequiredAction(
                each["task_instance"]["dag_id"],
                each["task_instance"]["dag_run_id"],
                each["task_instance"]["task_id"],
                each["task_instance"]["map_index"],
                each["subject"],
                each["body"] or "",
                {name: param["value"] for name, param in each["params"].items()},
            )
            for each in found
        ]

    def respond(self, action: RequiredAction, option: str, fields: dict[str, Any]) -> None:
        """Answer a required action as the signed-in person."""
        path = (
            f"/api/v2/dags/{action.dag_id}/dagRuns/{_part(action.run_id)}/taskInstances/"
            f"{action.task_id}/{action.map_index}/hitlDetails"
        )
        self._call("PATCH", path, json={"chosen_options": [option], "params_input": fields})

    def mark(self, dag_id: str, run_id: str, task_id: str, state: Literal["success", "failed", "skipped"]) -> None:
        """Set a task's state by hand, as "Mark as ..." on its page does; the Dag run goes on from there.

        Raises:
            AirflowApiError: there is no such task in this run, or the signed-in person may not edit tasks.
        """
        path = f"/api/v2/dags/{dag_id}/dagRuns/{_part(run_id)}/taskInstances/{_part(task_id)}"
        self._call("PATCH", path, json={"new_state": state})

    def _call(
        self,
        method: str,
        path: str,
        *,
        accept: tuple[int, ...] = (200,),
        headers: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> httpx.Response:
        if self._token is None:
            self._token = self._sign_in()
        answer = self._send(method, path, headers={**(headers or {}), **self._bearer()}, **kwargs)
        if answer.status_code == 401:  # expired, or signed by a server that has been set up anew
            self._token = self._sign_in()
            answer = self._send(method, path, headers={**(headers or {}), **self._bearer()}, **kwargs)
        if answer.status_code in accept or (200 in accept and answer.is_success):
            return answer
        next_step = {
            403: f"sign in as somebody who may: {self.user!r} may not",
            409: "somebody was faster: look at `airworthy ledger`",
        }.get(answer.status_code, f"see {self.url} or `airworthy logs api-server`")
        raise AirflowApiError(
            f"Airflow answered {answer.status_code} to {method} {path}: {_detail(answer)}", next_step=next_step
        )

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    def _sign_in(self) -> str:
        answer = self._send("POST", "/auth/token", json={"username": self.user, "password": self._password})
        if not answer.is_success:
            raise AirflowApiError(
                f"Airflow does not let {self.user!r} in: {_detail(answer)}",
                next_step="check the password; `airworthy users` says where the embedded stack keeps its own",
            )
        return str(answer.json()["access_token"])

    def _send(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                answer = self._client.request(method, path, **kwargs)
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    raise AirflowApiError(
                        f"Airflow does not answer at {self.url}: {error}",
                        next_step="airworthy status; docs/runbook.md#airflow-away",
                    ) from error
            else:
                if answer.status_code < 500 or time.monotonic() > deadline:
                    return answer
            time.sleep(1)


def _part(text: str) -> str:
    return quote(text, safe="")


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("detail", answer.text))[:500]
    except ValueError:
        return answer.text[:500]


def _seconds(row: dict[str, Any], now: datetime) -> float | None:
    if not row["start_date"]:
        return None
    end = datetime.fromisoformat(row["end_date"]) if row["end_date"] else now
    return (end - datetime.fromisoformat(row["start_date"])).total_seconds()
