"""The main job as a person would run it: start a Dag run, follow it, send traffic, answer, check the outcome."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airworthy.airflow_api.client import AirflowApi, RequiredAction, TaskState
from airworthy.errors import AirworthyError

if TYPE_CHECKING:
    from airworthy_demo.playback import Playback
    from airworthy_demo.replay import Replay
    from airworthy_demo.tally import ReplayReport

#: The least time between a request and its answer.
_READING_SECONDS = 5
#: States in which a task stays.
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
OnTasks = Callable[[Sequence[TaskState]], None]


class RunFailed(AirworthyError):
    """A Dag run ended otherwise than in success; says which task, and the end of its log."""


def follow(
    api: AirflowApi,
    dag_id: str,
    run_id: str,
    on_tasks: OnTasks,
    *,
    until: Callable[[Sequence[TaskState]], bool] | None = None,
    timeout_seconds: float = 1800,
    poll_seconds: float = 1.0,
) -> str:
    """Follow a Dag run to its end, or until ``until`` holds for its tasks.

    Returns:
        The run's state: success, failed, or running when ``until`` ended it.

    Raises:
        RunFailed: it did not end in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline:
        tasks = api.tasks(dag_id, run_id)
        on_tasks(tasks)
        state = api.run_state(dag_id, run_id) or "queued"
        if state in ("success", "failed"):
            on_tasks(api.tasks(dag_id, run_id))
            return state
        if until is not None and until(tasks):
            return state
        time.sleep(poll_seconds)
    raise RunFailed(
        f"{dag_id} {run_id} did not get there within {timeout_seconds:g} s",
        next_step=f"look at {api.url}/dags/{dag_id}/runs/{run_id}",
    )


def must_succeed(api: AirflowApi, dag_id: str, run_id: str, on_tasks: OnTasks) -> None:
    """Follow a Dag run and insist on success.

    Raises:
        RunFailed: with the first failed task and the last lines of its log.
    """
    if follow(api, dag_id, run_id, on_tasks) == "success":
        return
    failed = next((task for task in api.tasks(dag_id, run_id) if task.state == "failed"), None)
    tail = api.log_tail(dag_id, run_id, failed) if failed else ""
    raise RunFailed(
        f"{dag_id} {run_id} failed at {failed.task_id if failed else 'an unknown task'}:\n{tail}",
        next_step=f"look at {api.url}/dags/{dag_id}/runs/{run_id}",
    )


def state_of(tasks: Sequence[TaskState], task_id: str) -> str | None:
    """State of one task; None before it is scheduled."""
    return next((task.state for task in tasks if task.task_id == task_id), None)


def waits_for_a_person(tasks: Sequence[TaskState]) -> bool:
    """Does any task of the run wait for an answer?"""
    return any(task.state == "awaiting_input" for task in tasks)


@dataclass
class BackgroundTraffic:
    """Replayed requests in a thread of their own, beside a release that watches them.

    Args:
        replay: the player.
        playback: which days, and how fast.
    """

    replay: Replay
    playback: Playback
    report: ReplayReport | None = None
    error: BaseException | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self, on_progress: Callable[[ReplayReport], None] | None = None) -> None:
        """Begin to send."""

        def run() -> None:
            try:
                self.report = self.replay.traffic(self.playback, stop=self._stop, on_progress=on_progress)
            except BaseException as error:  # handed over to whoever waits
                self.error = error

        self._thread = threading.Thread(target=run, name="traffic", daemon=True)
        self._thread.start()

    def finish(self, timeout_seconds: float = 300, *, now: bool = False) -> ReplayReport:
        """Wait for the last answer, or stop sending ``now``, and return what was seen.

        Raises:
            Exception: whatever broke the traffic.
        """
        assert self._thread is not None, "start() comes first"
        if now:
            self._stop.set()
        self._thread.join(timeout_seconds)
        if self.error is not None:
            raise self.error
        assert self.report is not None, "the thread has ended"
        return self.report


def wait_for_action(api: AirflowApi, pipeline: str, version: int, timeout_seconds: float = 60) -> RequiredAction:
    """The approval request of one version, as soon as it is open."""
    from airworthy.airflow_api.actions import NothingToAnswer, waiting

    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            action = waiting(api, pipeline, version)
        except NothingToAnswer:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            # a scheduler that has not yet noted that the task is parked takes a task that runs again at once for one
            # that was killed; the next try finds the answer, half a minute later
            time.sleep(_READING_SECONDS)
            return action
