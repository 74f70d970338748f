"""Which epoch is kept, and what MLflow is told of each."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airworthy.model import kinds
from airworthy.training.loop import EpochResult, Trainer

KIND = kinds.named("binary")


def result(selecting: float | None, other: float = 0.5) -> EpochResult:
    others = dict.fromkeys(KIND.headline, other)
    return EpochResult(0, 0.4, {**others, KIND.selects: selecting}, 0.01, 1000.0)


@pytest.mark.parametrize(
    ("value", "best", "better"),
    [(0.40, 0.41, True), (0.41, 0.40, False), (0.40, 0.40, False), (0.4, None, True), (None, 0.4, False)],
)
def test_the_epoch_that_is_better_in_the_selecting_metric_is_kept(
    value: float | None, best: float | None, better: bool
) -> None:
    trainer = SimpleNamespace(kind=KIND)
    assert Trainer._is_better(trainer, result(value, 0.1), result(best, 0.9)) is better  # type: ignore[arg-type]


def test_an_epochs_metrics_carry_the_kinds_names() -> None:
    assert result(0.4).metrics == {
        "train_loss": 0.4,
        **{f"validation_{name}": 0.4 if name == KIND.selects else 0.5 for name in KIND.headline},
        "learning_rate": 0.01,
        "samples_per_second": 1000.0,
    }
