"""`airworthy demo`: lands the year's first months, trains, releases, and asks for approval."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel

from airworthy.airflow_api import actions
from airworthy.airflow_api.client import AirflowApi, RequiredAction, TaskState
from airworthy.errors import AirworthyError
from airworthy.ledger.events import release_id
from airworthy_demo import journey, summary
from airworthy_demo.playback import Pace, Playback
from airworthy_demo.prediction_request import curl_line
from airworthy_demo.progress import Progress, going_run
from airworthy_demo.view import View

if TYPE_CHECKING:
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy_demo.world import World
    from airworthy_local.stack import Stack

PIPELINE = "flight_delays"
Approval = Literal["ask", "manual", "automatic"]
#: At this rate it lasts a little longer than the canary's window.
SEPTEMBER = Playback(date(2013, 9, 1), date(2013, 9, 30), limit=4000, pace=Pace(rate=80))


class NotPromoted(AirworthyError):
    """The demo ended without a promoted candidate."""


@dataclass(frozen=True)
class Plan:
    """What the demo plays.

    Attributes:
        land_from, land_to: days whose files land before training, both included.
        playback: whose flights are sent as requests, and how fast.
        canary_minutes: length of the canary window.
        approval: ask on the terminal, wait for the browser, or approve as the demo's approver.
    """

    land_from: date = date(2013, 1, 1)
    land_to: date = date(2013, 8, 31)
    playback: Playback = SEPTEMBER
    canary_minutes: float = 0.8
    approval: Approval = "ask"


def run(
    approve: Annotated[
        str,
        typer.Option(envvar="APPROVE", help="ask: prompt on a terminal; manual: wait for the browser; yes: approve."),
    ] = "ask",
    keep: Annotated[bool, typer.Option(help="Leave the stack running afterwards, to look around.")] = True,
) -> None:
    """The main job once around, on the real New York flights of 2013: data, train, canary, approval, promotion."""
    from airworthy_local.stack import Stack

    # a log has no width of its own: long enough for its links
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
    chosen: dict[str, Approval] = {"ask": "ask", "manual": "manual", "yes": "automatic"}
    if approve not in chosen:
        raise NotPromoted(f"APPROVE={approve!r} is not known", next_step=f"one of {sorted(chosen)}")
    approval = chosen[approve]
    if approval == "ask" and not sys.stdin.isatty():
        approval = "automatic"
    stack = Stack()
    view = View(console)
    try:
        version = Demo(stack, view, Plan(approval=approval)).play()
    except KeyboardInterrupt:
        console.print("\nstopped; nothing is lost: `make demo` continues from here, `make down` stops the stack")
        raise typer.Exit(130) from None
    finally:
        if not keep:
            stack.down()
    if keep:
        console.print("\nThe stack is still up, to look around; `make down` stops it.")
    console.print(f"demo: promoted {PIPELINE} v{version} in {view.clock()}")


class Demo:
    """One way around the loop, continuing from what is there."""

    def __init__(self, stack: Stack, view: View, plan: Plan) -> None:
        self.stack = stack
        self.view = view
        self.plan = plan

    def play(self) -> int:
        """Run every stage that is not done yet.

        Returns:
            The promoted version.

        Raises:
            AirworthyError: a stage failed; says which, why, and where to look.
        """
        self.stack.up(console=self.view.console)
        self._land()
        admin = self.stack.credentials("admin")
        with AirflowApi(self.stack.airflow_url, admin.user, admin.password) as api:
            for stage in ("data", "train", "release"):
                api.wait_for_dag(f"{PIPELINE}.{stage}")
            self._data(api)
            version = self.progress.undecided_version(api) or self._current_champion()
            if version is None:
                version = self._train(api)
            if self.progress.champion() != version:
                self._release(api, version)
        self._summary(version)
        return version

    @cached_property
    def settings(self) -> Settings:
        """The stack's addresses."""
        return self.stack.settings()

    @cached_property
    def spec(self) -> PipelineSpec:
        """The pipeline that is played."""
        from airworthy.spec import folders

        return folders.load(self.settings.pipelines, PIPELINE)

    @cached_property
    def progress(self) -> Progress:
        """How far it has come."""
        return Progress(self.settings, self.spec)

    @cached_property
    def world(self) -> World:
        """The flights."""
        from airworthy_demo.world import World

        return World()

    # ------------------------------------------------------------------ stages

    def _land(self) -> None:
        plan = self.plan
        with self.view.stage(f"Landing the files of {plan.land_from} to {plan.land_to}"):
            new = self.world.land(self.settings.landing, plan.land_from, plan.land_to)
            self.view.say(f"{len(new)} new files in {self.settings.landing}" if new else "all are there already")

    def _data(self, api: AirflowApi) -> None:
        with self.view.stage("Data: ingest, features on Spark, validation, publishing"):
            run_id = going_run(api, f"{PIPELINE}.data") or api.trigger(f"{PIPELINE}.data", {}, run_id=_run_id())
            journey.must_succeed(api, f"{PIPELINE}.data", run_id, self.view.tasks)

    def _train(self, api: AirflowApi) -> int:
        with self.view.stage("Train: DeepSpeed in a pod, evaluation on a later holdout, gates, registration"):
            conf: dict[str, Any] = {"reason": "demo", "canary_minutes": self.plan.canary_minutes}
            run_id = going_run(api, f"{PIPELINE}.train") or api.trigger(f"{PIPELINE}.train", conf, run_id=_run_id())
            journey.must_succeed(api, f"{PIPELINE}.train", run_id, self.view.tasks)
            version = api.result(f"{PIPELINE}.train", run_id, "register")
            if version is None:
                raise NotPromoted(f"{run_id} registered no version", next_step=f"look at {self.stack.airflow_url}")
            return int(version)

    def _release(self, api: AirflowApi, version: int) -> None:
        dag_id, run_id = f"{PIPELINE}.release", release_id(PIPELINE, version)
        with self.view.stage(f"Canary: v{version} gets {self.spec.release.canary_percent:g} % of September's traffic"):
            self._canary(api, dag_id, run_id)
        if journey.waits_for_a_person(api.tasks(dag_id, run_id)):
            self._approve(api, journey.wait_for_action(api, PIPELINE, version))
        with self.view.stage(f"Promotion of v{version}"):
            journey.must_succeed(api, dag_id, run_id, self.view.tasks)
        if self.progress.champion() != version:
            why = self.progress.outcome(version)
            raise NotPromoted(f"v{version} was not promoted: {why}", next_step="airworthy ledger")

    def _canary(self, api: AirflowApi, dag_id: str, run_id: str) -> None:
        from airworthy_demo.replay import Replay

        def follow(until: Callable[[Sequence[TaskState]], bool]) -> str | None:
            """The watch's state, once ``until`` holds."""
            journey.follow(api, dag_id, run_id, self.view.tasks, until=until)
            return journey.state_of(api.tasks(dag_id, run_id), "watch")

        watching, over = ("running", "deferred"), ("success", "failed")
        if follow(lambda tasks: journey.state_of(tasks, "watch") in (*watching, *over)) in watching:
            traffic = journey.BackgroundTraffic(Replay(self.world, self.settings, self.spec), self.plan.playback)
            traffic.start(lambda report: self.view.note(report.line()))
            follow(
                lambda tasks: (
                    journey.waits_for_a_person(tasks)
                    or journey.state_of(tasks, "watch") in ("failed", "upstream_failed")
                )
            )
            self.view.say(traffic.finish(now=True).line())

    def _approve(self, api: AirflowApi, action: RequiredAction) -> None:
        console = self.view.console
        console.print(Panel(Markdown(action.body), title=action.subject, border_style="yellow"))
        where = f"{self.stack.airflow_url}/dags/{action.dag_id}/runs/{action.run_id}/tasks/{action.task_id}"
        approver = self.stack.credentials(self.spec.release.approvers[0])
        if self.plan.approval == "manual":
            console.print(f"Waiting for your answer in the browser: {where}/required_actions")
            console.print(f"Sign in as [bold]{approver.user}[/bold]; `airworthy users` says where the password is.")
            self._wait_for_answer(api, action)
            return
        option: actions.Option = "Approve"
        if self.plan.approval == "ask":
            yes = typer.confirm(f"Approve {action.subject.rstrip('?')} as {approver.user}?")
            option = "Approve" if yes else "Reject"
            reason = typer.prompt("Reason", default="looked at the evidence")
        else:
            console.print(f"No terminal to ask on: approving as the demo's approver, {approver.user}.")
            reason = "the demo's automatic approval: no terminal to ask on"
        with AirflowApi(self.stack.airflow_url, approver.user, approver.password) as person:
            actions.respond(person, action, option, reason)

    def _wait_for_answer(self, api: AirflowApi, action: RequiredAction) -> None:
        with self.view.stage("Waiting for a person"):
            journey.follow(
                api,
                action.dag_id,
                action.run_id,
                self.view.tasks,
                # not: as soon as it no longer waits; the sensor wakes now and then to see whether it is still wanted
                until=lambda tasks: journey.state_of(tasks, action.task_id) in journey.ENDED,
                timeout_seconds=self.spec.release.approval_timeout_hours * 3600,
            )

    def _current_champion(self) -> int | None:
        champion = self.progress.current_champion()
        if champion is not None:
            self.view.say(f"v{champion} was trained on these data with this code, and is the champion already")
        return champion

    def _summary(self, version: int) -> None:
        settings = self.settings
        links = {
            "Airflow": f"{self.stack.airflow_url}/dags/{PIPELINE}.release/runs/{release_id(PIPELINE, version)}",
            "MLflow": f"{settings.mlflow_url}/#/models/{PIPELINE}/versions/{version}",
            "Data Docs": str(Path(settings.home) / "data_docs" / PIPELINE / "index.html"),
            "Ledger": "airworthy ledger",
        }
        flight = self.world.requests(self.plan.playback.first)[0]
        summary.show(self.view.console, self.progress.evidence(version), links, curl_line(settings, PIPELINE, flight))


def _run_id() -> str:
    return f"demo-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}"
