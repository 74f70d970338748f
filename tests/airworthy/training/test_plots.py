"""The picture of a training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from airworthy.model import kinds
from airworthy.training import plots


def test_a_training_is_drawn_also_where_a_metric_was_not_defined(tmp_path: Path) -> None:
    kind = kinds.named("binary")
    history = [
        SimpleNamespace(epoch=i, train_loss=0.5, validation=dict.fromkeys(kind.headline, value))
        for i, value in enumerate((0.7, None, 0.6))
    ]
    plots.training_curve(kind, history, tmp_path / "training.png")  # type: ignore[arg-type]
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
