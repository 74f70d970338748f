"""Airflow's REST API as the demo sees it, in states that a test chooses."""

from __future__ import annotations

from airworthy.airflow_api.client import TaskState


class FakeAirflow:
    """Airflow whose tasks are in these states, one look after the other; the last one stays."""

    url = "http://127.0.0.1:8080"

    def __init__(self, *looks: dict[str, str], runs: tuple[str, ...] = ("running",)) -> None:
        self.looks, self.states = list(looks), list(runs)

    def tasks(self, dag_id: str, run_id: str) -> list[TaskState]:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return [TaskState(task_id, state, 1.0, 1) for task_id, state in look.items()]

    def run_state(self, dag_id: str, run_id: str) -> str:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def log_tail(self, dag_id: str, run_id: str, task: TaskState) -> str:
        return f"the log of {task.task_id}"
