"""`airworthy demo`: how it asks, how it waits, and what its last line and exit status say."""

from __future__ import annotations

import io
import json
import shlex
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from fake_airflow import FakeAirflow
from rich.console import Console
from typer.testing import CliRunner

from airworthy.airflow_api import actions
from airworthy.airflow_api.client import RequiredAction
from airworthy.settings import Settings
from airworthy_demo import journey, main, summary
from airworthy_demo.main import Demo, NotPromoted, Plan
from airworthy_demo.view import View
from airworthy_demo.world import World
from airworthy_local import stack as local_stack

ACTION = RequiredAction(
    dag_id="flight_delays.release",
    run_id="flight_delays-v3",
    task_id="approve",
    map_index=-1,
    subject="Release flight_delays v3?",
    body="### Quality",
    params={"evidence": "d1", "reason": ""},
)


@pytest.fixture
def stack(monkeypatch):
    """A stack that only remembers whether it was stopped."""
    found = SimpleNamespace(
        airflow_url="http://127.0.0.1:8080",
        stopped=False,
        credentials=lambda user: SimpleNamespace(user=user, password="p"),
    )
    found.down = lambda: setattr(found, "stopped", True)
    monkeypatch.setattr(local_stack, "Stack", lambda: found)
    return found


@pytest.fixture
def no_waiting(monkeypatch):
    monkeypatch.setattr(journey.time, "sleep", lambda _seconds: None)


def play(monkeypatch: pytest.MonkeyPatch, outcome: Any, **environment: str) -> tuple[Any, list[Plan]]:
    """Run the command on a demo that ends like this; also the plans it was given."""
    plans: list[Plan] = []

    def end(self: Demo) -> int:
        plans.append(self.plan)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    monkeypatch.setattr(Demo, "play", end)
    app = typer.Typer()
    app.command()(main.run)
    return CliRunner().invoke(app, [], env=environment), plans


# ---- exit status and last line ----


def test_a_promoted_candidate_is_the_last_line_and_exit_status_0(stack, monkeypatch):
    done, _ = play(monkeypatch, 3)
    assert done.exit_code == 0
    assert done.output.splitlines()[-1].startswith("demo: promoted flight_delays v3 in 0:0")
    assert not stack.stopped, "it stays up, to look around"


def test_anything_else_is_an_error_and_no_promoted_line(stack, monkeypatch):
    done, _ = play(monkeypatch, NotPromoted("v3 was not promoted: rejected by approver: no"))
    assert done.exit_code != 0
    assert isinstance(done.exception, NotPromoted)
    assert "demo: promoted" not in done.output


def test_ctrl_c_says_how_to_go_on(stack, monkeypatch):
    done, _ = play(monkeypatch, KeyboardInterrupt())
    assert done.exit_code == 130
    assert "`make demo` continues from here" in done.output


def test_without_a_terminal_nobody_is_asked_and_an_unknown_way_to_approve_is_refused(stack, monkeypatch):
    assert play(monkeypatch, 3)[1][0].approval == "automatic"
    assert play(monkeypatch, 3, APPROVE="manual")[1][0].approval == "manual"
    done, plans = play(monkeypatch, 3, APPROVE="maybe")
    assert isinstance(done.exception, NotPromoted) and "APPROVE='maybe'" in done.exception.message
    assert plans == []


# ---- asking and waiting ----


def demo(stack: Any, approval: str) -> tuple[Demo, io.StringIO]:
    shown = io.StringIO()
    found = Demo(stack, View(Console(file=shown, width=120)), Plan(approval=approval))  # type: ignore[arg-type]
    found.spec = SimpleNamespace(release=SimpleNamespace(approvers=["approver"], approval_timeout_hours=72))  # type: ignore[assignment]
    return found, shown


@pytest.fixture
def given(monkeypatch) -> list[tuple[str, str, str]]:
    """Every answer: who, what, why."""
    answers: list[tuple[str, str, str]] = []
    monkeypatch.setattr(actions, "respond", lambda api, _action, what, why: answers.append((api.user, what, why)))
    return answers


def test_without_a_terminal_it_approves_as_the_demos_approver_and_says_so(stack, given):
    playing, shown = demo(stack, "automatic")
    playing._approve(FakeAirflow({}), ACTION)  # type: ignore[arg-type]
    assert given == [("approver", "Approve", "the demo's automatic approval: no terminal to ask on")]
    assert "No terminal to ask on: approving as the demo's approver, approver." in shown.getvalue()


@pytest.mark.parametrize(("said", "wanted"), [(True, "Approve"), (False, "Reject")])
def test_on_a_terminal_it_shows_the_evidence_and_asks(stack, given, monkeypatch, said, wanted):
    monkeypatch.setattr(typer, "confirm", lambda _question: said)
    monkeypatch.setattr(typer, "prompt", lambda _question, default: "because")
    playing, shown = demo(stack, "ask")
    playing._approve(FakeAirflow({}), ACTION)  # type: ignore[arg-type]
    assert given == [("approver", wanted, "because")]
    assert "Quality" in shown.getvalue() and "Release flight_delays v3?" in shown.getvalue()


def test_waiting_for_the_browser_goes_on_while_the_sensor_only_looks_whether_it_is_still_wanted(
    stack, given, no_waiting
):
    looks = [{"approve": state} for state in ("awaiting_input", "running", "awaiting_input", "running", "success")]
    api = FakeAirflow(*looks)
    playing, shown = demo(stack, "manual")
    playing._approve(api, ACTION)  # type: ignore[arg-type]
    assert len(api.looks) == 1, "it waited for the last state"
    assert given == []
    assert "/tasks/approve/required_actions" in shown.getvalue()


# ---- the last screen ----


def test_the_last_screen_s_request_is_a_flight_of_the_world_that_the_canary_met(stack, monkeypatch, tmp_path):
    lines: list[str] = []
    monkeypatch.setattr(summary, "show", lambda _console, _evidence, _links, line: lines.append(line))
    playing, _ = demo(stack, "automatic")
    playing.settings = Settings(home=tmp_path, serving_token="t")
    playing.progress = SimpleNamespace(evidence=lambda _version: None)  # type: ignore[assignment]
    playing._summary(7)
    words = shlex.split(lines[0])
    (instance,) = json.loads(words[words.index("-d") + 1])["instances"]
    assert instance in World().requests(playing.plan.playback.first)
