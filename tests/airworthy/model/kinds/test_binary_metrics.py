"""Our metrics against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from airworthy.model.kinds import binary_metrics as metrics

_pairs = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=2, max_size=60).filter(
    lambda pairs: len({label for label, _ in pairs}) == 2
)


@settings(deadline=None)
@given(_pairs)
def test_they_are_what_scikit_learn_says_also_with_ties(pairs: list[tuple[int, int]]) -> None:
    labels = np.array([label for label, _ in pairs], np.float64)
    scores = np.array([score / 20 for _, score in pairs])
    found = metrics.measure(labels, scores)
    assert found["roc_auc"] == pytest.approx(sk.roc_auc_score(labels, scores))
    assert found["pr_auc"] == pytest.approx(sk.average_precision_score(labels, scores))
    assert found["brier"] == pytest.approx(sk.brier_score_loss(labels, scores))
    clipped = np.clip(scores, 1e-7, 1 - 1e-7)
    assert found["log_loss"] == pytest.approx(sk.log_loss(labels, clipped))
    assert found["f1"] == pytest.approx(sk.f1_score(labels, scores >= found["threshold"]), abs=1e-6)


@settings(deadline=None, max_examples=30)
@given(_pairs, st.integers(0, 2**32 - 1))
def test_weighted_roc_auc_is_that_of_the_repeated_rows(pairs: list[tuple[int, int]], seed: int) -> None:
    labels, scores = np.array(pairs, np.float64).T
    weights = np.random.default_rng(seed).integers(1, 4, labels.size)
    repeated = sk.roc_auc_score(np.repeat(labels, weights), np.repeat(scores, weights))
    assert metrics.roc_auc_weighted(labels, scores, weights[None].astype(float))[0] == pytest.approx(repeated)


def test_one_class_only_has_no_roc_auc_and_still_a_log_loss() -> None:
    found = metrics.measure(np.zeros(5), np.full(5, 0.25))
    assert (found["roc_auc"], found["pr_auc"], found["f1"]) == (None, None, None)
    assert found["log_loss"] == pytest.approx(-np.log(0.75))
    assert metrics.roc_auc_interval(np.zeros(5), np.arange(5.0), np.arange(5.0)) is None


def test_a_calibrated_model_has_a_small_calibration_error_and_a_shifted_one_its_shift() -> None:
    rng = np.random.default_rng(0)
    scores = rng.uniform(0.1, 0.8, 50_000)
    labels = (rng.random(50_000) < scores).astype(float)
    assert metrics.calibration_error(labels, scores) < 0.01
    assert metrics.calibration_error(labels, scores + 0.1) == pytest.approx(0.1, abs=0.01)


def test_the_interval_of_a_difference_covers_it_and_excludes_zero_when_it_is_real() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(4000) < 0.3).astype(float)
    good, bad = labels + rng.normal(0, 1, 4000), labels + rng.normal(0, 3, 4000)
    found = metrics.roc_auc_interval(labels, good, bad)
    assert found is not None
    assert 0 < found[0] < metrics.roc_auc(labels, good) - metrics.roc_auc(labels, bad) < found[1]
    assert metrics.roc_auc_interval(labels, good, bad) == found
    assert metrics.roc_auc_interval(labels, good, good) == (0, 0)
