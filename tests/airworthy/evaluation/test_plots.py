"""The picture of the slices."""

from __future__ import annotations

from pathlib import Path

import pytest
from evaluations import evaluation

from airworthy.evaluation import plots
from airworthy.model import kinds
from airworthy.spec.gates import MetricGates


@pytest.mark.parametrize("bounds", [MetricGates(min_in_slices=0.58), MetricGates()])
def test_slices_are_drawn_with_and_without_a_gate(tmp_path: Path, bounds: MetricGates) -> None:
    path = tmp_path / "plots" / "slices.png"
    kind = kinds.named("binary")
    plots.slices(evaluation().slices, kind.metrics[kind.compares], bounds, path)
    assert path.read_bytes().startswith(b"\x89PNG")
