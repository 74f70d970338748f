"""Of all ranks only the first writes; what it writes is tested in test_end_to_end.py and test_tracking.py."""

from __future__ import annotations

import pytest

from airworthy.model import kinds
from airworthy.training.loop import EpochResult
from airworthy.training.publish import Bystander, Publisher


class FakeRun:
    def __init__(self) -> None:
        self.epochs: list[EpochResult] = []

    def log_epochs(self, history: list[EpochResult]) -> None:
        self.epochs = list(history)


def test_an_epoch_is_logged_and_told_with_the_metrics_titles_by_the_first_rank_only(
    small_spec: object, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, run = small_spec(epochs=3), FakeRun()  # type: ignore[operator]
    history = [EpochResult(1, 0.5, dict.fromkeys(kinds.of(spec).headline, 0.75), 0.01, 1234.0)]
    Bystander().epoch(history)
    assert capsys.readouterr().out == ""
    Publisher(run, spec, None, None, None).epoch(history)  # type: ignore[arg-type]
    assert run.epochs == history
    told = "epoch 2/3: train loss 0.5000, validation ROC AUC 0.7500, log loss 0.7500, 1,234 samples/s"
    assert capsys.readouterr().out.strip() == told
