"""Metrics of predicted probabilities, in numpy: small enough to be read, fast enough to be resampled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from airworthy.model.kinds.base import Floats

BINS = 10
EPSILON = 1e-7


def measure(labels: Floats, scores: Floats) -> dict[str, float | None]:
    """Every metric by name; those that need both classes are None where there is one only.

    - ``roc_auc``: area under the ROC curve; 0.5 knows nothing.
    - ``log_loss``: nats per row.
    - ``brier``: mean squared error of the probability.
    - ``pr_auc``: average precision.
    - ``calibration_error``: expected calibration error over 10 bins of equal size, the mean distance between
      predicted and observed rate.
    - ``f1``, ``threshold``: the largest F1, and the probability at which it is reached.
    - ``rate``: share of rows with label 1.

    Args:
        labels: 0 or 1, [n].
        scores: probabilities of 1, [n]; n at least 1.
    """
    labels, scores = labels.astype(np.float64), scores.astype(np.float64)
    precision, recall, thresholds = precision_recall(labels, scores)
    both = 0 < labels.sum() < labels.size
    f1 = 2 * precision * recall / np.maximum(precision + recall, EPSILON)
    best = int(f1.argmax())
    return {
        "roc_auc": roc_auc(labels, scores) if both else None,
        "log_loss": log_loss(labels, scores),
        "brier": float(np.mean((scores - labels) ** 2)),
        "pr_auc": float(np.sum(np.diff(recall, prepend=0.0) * precision)) if both else None,
        "calibration_error": calibration_error(labels, scores),
        "f1": float(f1[best]) if both else None,
        "rate": float(labels.mean()),
        "threshold": float(thresholds[best]) if both else None,
    }


def log_loss(labels: Floats, scores: Floats) -> float:
    """Nats per row; probabilities are kept 1e-7 away from 0 and 1."""
    p = np.clip(scores.astype(np.float64), EPSILON, 1 - EPSILON)
    return float(-np.mean(labels * np.log(p) + (1 - labels) * np.log1p(-p)))


def roc_auc(labels: Floats, scores: Floats) -> float:
    """Probability that a row of class 1 scores above one of class 0, ties counting half; NaN with one class only."""
    return float(roc_auc_weighted(labels, scores, np.ones((1, labels.size)))[0])


def roc_auc_weighted(labels: Floats, scores: Floats, weights: Floats) -> NDArray[np.float64]:
    """ROC AUC under each of R row weightings: weights [R, n] -> [R]."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    firsts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    weights, labels = weights[:, order], labels[order]
    positive = np.add.reduceat(weights * labels, firsts, axis=1)
    negative = np.add.reduceat(weights * (1 - labels), firsts, axis=1)
    below = np.cumsum(negative, axis=1) - 0.5 * negative
    with np.errstate(invalid="ignore", divide="ignore"):
        return (positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1))


def roc_auc_interval(
    labels: Floats, candidate: Floats, other: Floats, *, seed: int = 0, resamples: int = 200
) -> tuple[float, float] | None:
    """95 % percentile bootstrap interval of the candidate's ROC AUC minus the other's; None with one class only.

    Rows are resampled in pairs, by Poisson weights (for this many rows the same as drawing with replacement).
    """
    rng = np.random.default_rng(seed)
    differences = np.concatenate(
        [  # a few at a time: 200 x 30,000 weights would be 48 MB, five times over
            roc_auc_weighted(labels, candidate, weights) - roc_auc_weighted(labels, other, weights)
            for weights in (rng.poisson(1.0, (20, labels.size)).astype(np.float64) for _ in range(resamples // 20))
        ]
    )
    differences = differences[np.isfinite(differences)]
    if differences.size == 0:
        return None
    low, high = np.quantile(differences, [0.025, 0.975])
    return float(low), float(high)


def precision_recall(
    labels: Floats, scores: Floats
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Precision, recall and threshold at each distinct score, highest first."""
    hits, alarms, thresholds = _cumulative(labels, scores)
    recall: NDArray[np.float64] = hits / max(float(labels.sum()), 1.0)
    return hits / alarms, recall, thresholds


def roc_curve(labels: Floats, scores: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rate at each distinct score, from (0, 0) to (1, 1)."""
    hits, alarms, _ = _cumulative(labels, scores)
    positives = float(labels.sum())
    return (
        np.r_[0.0, (alarms - hits) / max(labels.size - positives, 1.0)],
        np.r_[0.0, hits / max(positives, 1.0)],
    )


def _cumulative(labels: Floats, scores: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    last = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
    hits = np.cumsum(labels[order].astype(np.float64))[last]
    return hits, (last + 1).astype(np.float64), ordered[last].astype(np.float64)


def calibration(labels: Floats, scores: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean predicted and observed rate in up to 10 bins of (almost) equal size, by ascending score."""
    parts = [part for part in np.array_split(np.argsort(scores, kind="stable"), BINS) if part.size]
    return (
        np.array([float(scores[part].mean()) for part in parts]),
        np.array([float(labels[part].mean()) for part in parts]),
    )


def calibration_error(labels: Floats, scores: Floats) -> float:
    """Expected calibration error over those bins, weighted by their sizes."""
    parts = [part for part in np.array_split(np.argsort(scores, kind="stable"), BINS) if part.size]
    return float(sum(part.size * abs(float(scores[part].mean() - labels[part].mean())) for part in parts) / labels.size)
