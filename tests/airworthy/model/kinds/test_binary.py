"""The binary kind: what it takes as a label, what it finds odd, and how it compares two models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from airworthy.model.kinds.binary import Binary

KIND = Binary()


@pytest.mark.parametrize("values", [[0], [1], [], [0, 1, 2], [0.5]])
def test_labels_other_than_0_and_1_are_refused_with_what_was_found(values: list[float]) -> None:
    assert KIND.target_problem(values) == f"{values}, expected 0 and 1"
    assert KIND.target_problem([0, 1]) == KIND.target_problem([0.0, 1.0]) == ""


def test_a_sound_answer_is_a_number_from_0_to_1() -> None:
    answers = np.array([0, 0.5, 1, -0.01, 1.01, np.nan, np.inf])
    assert KIND.sound(answers).tolist() == [True, True, True, False, False, False, False]


def test_the_loss_is_the_log_loss_of_the_activated_outputs() -> None:
    outputs, labels = torch.tensor([-1.0, 0.5, 2.0]), torch.tensor([0.0, 1.0, 1.0])
    answers = KIND.activate(outputs).numpy()
    assert KIND.sound(answers).all()
    measured = KIND.measure(labels.numpy(), answers)["log_loss"]
    assert float(KIND.loss(outputs, labels)) == pytest.approx(measured)


def test_the_average_is_the_label_rate_and_gains_nothing_over_itself() -> None:
    labels = np.array([1.0, 0, 0, 0, 1, 0, 0, 0])
    assert KIND.average(labels) == 0.25
    figures = KIND.measure(labels, np.full(8, KIND.average(labels)))
    assert (figures.rows, figures["roc_auc"], figures["rate"]) == (8, 0.5, 0.25)
    assert KIND.measure(np.empty(0), np.empty(0)).rows == 0


def test_two_models_are_compared_by_the_roc_auc_with_an_interval() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(2000) < 0.3).astype(float)
    found = KIND.difference(labels, labels + rng.normal(0, 1, 2000), labels + rng.normal(0, 3, 2000))
    assert found.metric == "roc_auc"
    assert found.low is not None and found.value is not None and found.high is not None
    assert 0 < found.low < found.value < found.high
    assert KIND.difference(np.zeros(9), np.zeros(9), np.zeros(9)).value is None


def test_what_is_odd_is_said_and_an_ordinary_model_raises_no_doubt() -> None:
    rng = np.random.default_rng(0)
    answers = rng.uniform(0.05, 0.6, 4000)
    labels = (rng.random(4000) < answers).astype(float)
    assert KIND.doubts(labels, answers) == ()
    (same,) = KIND.doubts(labels, np.full(4000, labels.mean()))
    assert "same answer" in same
    (far,) = KIND.doubts(labels, answers / 4)
    assert "were observed" in far
    (knows,) = KIND.doubts(labels, 0.1 + 0.5 * labels + answers / 1000)
    assert "know the label" in knows
    assert KIND.doubts(np.empty(0), np.empty(0)) == ()


def test_it_draws_its_curves_of_every_model(tmp_path: Path) -> None:
    labels, answers = np.array([0.0, 1, 0, 1]), np.array([0.1, 0.4, 0.5, 0.9])
    KIND.draw(labels, {"candidate": answers, "lightgbm": answers}, tmp_path / "plots")
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {
        "roc_and_precision_recall.png",
        "calibration.png",
    }
