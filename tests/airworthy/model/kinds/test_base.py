"""What holds of every kind, and that nothing but a kind names its figures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from airworthy.model import kinds
from airworthy.model.kinds.base import Figures, Kind
from airworthy.spec.tasks import METRICS

ROOT = Path(__file__).parents[4]
ROOMS = ("include/airworthy", "plugins", "dags")
KINDS = [kinds.named(task) for task in METRICS]

FIGURES = re.compile(r"roc[ _-]?auc|pr[ _-]?auc|log[ _-]?loss|brier|probabilit(y|ies)", re.IGNORECASE)
#: Files that may, and why.
MAY = {
    "include/airworthy/spec/tasks.py": "the words that a pipeline.yaml may use; the kinds take their metrics from it",
    "include/airworthy/release/decisions/canary.py": "error rates of its own tests, not what a model answers",
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_measures_exactly_the_metrics_that_its_task_has(kind: Kind) -> None:
    figures = kind.measure(np.array([0.0, 1, 0, 1]), np.array([0.1, 0.4, 0.5, 0.9]))
    assert list(figures.values) == list(kind.metrics)
    assert {kind.selects, kind.compares} <= {*kind.headline} <= {*kind.metrics}
    assert all(kind.metrics[name].higher_is_better is not None for name in kind.headline)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_average_of_labels_is_a_sound_answer(kind: Kind) -> None:
    assert kind.sound(np.array([kind.average(np.array([0.0, 1, 1]))])).all()


def test_figures_that_are_no_numbers_are_missing_and_others_can_be_left_out() -> None:
    figures = Figures(rows=3, values={"a": float("nan"), "b": 0.5, "c": float("inf")})
    assert (figures["a"], figures["b"], figures["c"], figures["never"]) == (None, 0.5, None, None)
    assert figures.only(["b", "never"]).values == {"b": 0.5, "never": None}


def test_nothing_outside_the_kinds_names_a_kinds_figures() -> None:
    found: dict[str, list[str]] = {}
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith("include/airworthy/model/kinds/") and name not in MAY:
            lines = path.read_text(encoding="utf-8").splitlines()
            if named := [f"{i}: {line.strip()}" for i, line in enumerate(lines, 1) if FIGURES.search(line)]:
                found[name] = named
    assert found == {}


def test_every_exception_is_still_needed() -> None:
    assert [name for name in MAY if not FIGURES.search((ROOT / name).read_text(encoding="utf-8"))] == []
