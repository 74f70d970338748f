"""Metrics know which direction is better."""

from __future__ import annotations

import pytest

from airworthy.spec.tasks import METRICS, Metric


def test_a_gain_is_positive_where_the_first_is_better_whichever_direction_that_is() -> None:
    assert Metric("accuracy", "accuracy", higher_is_better=True).gain(0.8, 0.7) == pytest.approx(0.1)
    assert Metric("error", "error", higher_is_better=False).gain(0.8, 0.7) == pytest.approx(-0.1)
    with pytest.raises(ValueError, match="neither good nor bad"):
        Metric("rate", "label rate", higher_is_better=None).gain(0.8, 0.7)


def test_every_metric_is_found_by_its_own_name() -> None:
    for metrics in METRICS.values():
        assert [metric.name for metric in metrics.values()] == list(metrics)
