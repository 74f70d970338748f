"""A training's MLflow run: everything once, however often the pod is started."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from small_training import Small

from airworthy.registry import tags as names
from airworthy.training.tracking import TrackedRun


def epoch(number: int, **metrics: float | None) -> SimpleNamespace:
    return SimpleNamespace(epoch=number, metrics={"train_loss": 0.5, **metrics})


def test_a_second_pod_takes_up_the_run_and_logs_only_what_is_missing(small: Callable[..., Small]) -> None:
    made = small()
    first = TrackedRun(made.registry, made.spec.name, "run 1")
    assert not first.finished
    first.open({"airworthy.kind": "candidate"})
    first.log_params({"epochs": 3})
    first.log_epochs([epoch(0, validation_x=0.7)])

    second = TrackedRun(made.registry, made.spec.name, "run 1")
    assert second.open({}) == first.run_id
    second.log_params({"epochs": 4, "device": "cpu"})
    second.log_epochs([epoch(0, validation_x=0.9), epoch(1, validation_x=None)])
    second.log_metrics({"best_epoch": 1.0, "unknown": None})
    second.log_metrics({"best_epoch": 1.0})
    second.close()

    (run,) = made.runs()
    assert (run.info.status, run.data.params) == ("FINISHED", {"epochs": "3", "device": "cpu"})
    assert (made.steps("train_loss"), made.steps("validation_x"), made.steps("best_epoch")) == ([0, 1], [0], [0])
    assert run.data.metrics["validation_x"] == 0.7
    assert "unknown" not in run.data.metrics
    second.set_tags({names.MODEL_ID: "m-1"})
    assert second.finished


def test_nothing_is_logged_before_the_run_is_open(small: Callable[..., Small]) -> None:
    made = small()
    run = TrackedRun(made.registry, made.spec.name, "run 1")
    run.close(failed=True)
    with pytest.raises(RuntimeError, match="open"):
        run.log_params({})
