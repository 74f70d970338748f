"""What an interrupted demo has left is found again."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec
from airworthy_demo.progress import Progress, going_run


class FakeRuns:
    """Airflow with these Dag runs (id -> state), newest first."""

    def __init__(self, **runs: str) -> None:
        self._runs = runs

    def runs(self, dag_id: str, *, states: tuple[str, ...]) -> list[dict[str, Any]]:
        return [{"dag_run_id": name.replace("_v", "-v")} for name, state in self._runs.items() if state in states]


@pytest.fixture
def progress(tmp_path: Path, spec: PipelineSpec) -> Progress:
    return Progress(Settings(home=tmp_path), spec)


def test_the_candidate_whose_release_still_goes_on_is_taken_up_and_of_several_the_newest(progress: Progress) -> None:
    ended, waits = {"flight_delays_v12": "success"}, {"flight_delays_v9": "running", "flight_delays_v10": "queued"}
    assert progress.undecided_version(FakeRuns(**ended, **waits)) == 10  # type: ignore[arg-type]
    assert progress.undecided_version(FakeRuns(**ended, by_hand="running")) is None  # type: ignore[arg-type]


def test_a_run_that_still_goes_on_is_followed_instead_of_starting_another() -> None:
    assert going_run(FakeRuns(first="success", second="running", third="queued"), "d") == "second"  # type: ignore[arg-type]
    assert going_run(FakeRuns(first="failed"), "d") is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("closed", "words"),
    [
        (SimpleNamespace(event="rejected", actor="approver", reason="worse"), "rejected by approver: worse"),
        (None, "undecided"),
    ],
)
def test_how_a_release_ended_is_told_in_words(progress: Progress, closed: Any, words: str) -> None:
    progress._controller = SimpleNamespace(closed=lambda version: closed)  # type: ignore[assignment]
    assert progress.outcome(7) == words
