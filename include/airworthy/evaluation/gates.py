"""Is a candidate good enough to be registered? A pure function of its evaluation."""

from __future__ import annotations

from dataclasses import dataclass

from airworthy.evaluation.document import Evaluation
from airworthy.spec.gates import Gates

#: Slices smaller than this are shown and not judged: the standard error of a ROC AUC on 200 rows is about 0.04.
MIN_SLICE_ROWS = 200


@dataclass(frozen=True)
class GateResult:
    """One condition and whether it holds.

    Attributes:
        name: the key in the spec's ``gates``; for a slice with its value, ``min_slice_roc_auc[origin=JFK]``.
        observed: the candidate's figure, None if it could not be computed.
        required: the bound.
        reason: the sentence a person reads.
    """

    name: str
    passed: bool
    observed: float | None
    required: float
    reason: str


def check(evaluation: Evaluation, gates: Gates) -> list[GateResult]:
    """Every gate's result, passed or not, in the order of the spec.

    A figure that could not be computed fails its gate. Gates against LightGBM and the champion are left out where
    there is nothing to compare with; the always-average baseline as champion is judged by the gate against it.
    """
    candidate = evaluation.candidate
    results = [
        _at_least("min_holdout_rows", float(candidate.rows), float(gates.min_holdout_rows), "holdout rows"),
        _at_least("min_roc_auc", candidate.roc_auc, gates.min_roc_auc, "ROC AUC on the holdout"),
        _at_least(
            "min_gain_over_average_log_loss",
            _minus(evaluation.average.log_loss, candidate.log_loss),
            gates.min_gain_over_average_log_loss,
            "log loss gained over always answering the average (nats per row)",
        ),
    ]
    if evaluation.lightgbm is not None:
        results.append(
            _at_most(
                "max_roc_auc_below_lightgbm",
                _minus(evaluation.lightgbm.metrics.roc_auc, candidate.roc_auc),
                gates.max_roc_auc_below_lightgbm,
                "ROC AUC below LightGBM's",
            )
        )
    if evaluation.champion is not None and evaluation.champion.kind != "baseline":
        results.append(
            _at_most(
                "max_roc_auc_below_champion",
                _minus(evaluation.champion.metrics.roc_auc, candidate.roc_auc),
                gates.max_roc_auc_below_champion,
                f"ROC AUC below that of champion v{evaluation.champion.version}",
            )
        )
    results += [
        _at_least(
            f"min_slice_roc_auc[{part.column}={part.value}]",
            part.candidate.roc_auc,
            gates.min_slice_roc_auc,
            f"ROC AUC where {part.column} is {part.value}",
        )
        for part in evaluation.slices
        if part.column in gates.slices and part.candidate.rows >= MIN_SLICE_ROWS
    ]
    return results


def passed(results: list[GateResult]) -> bool:
    """Did every gate hold?"""
    return all(result.passed for result in results)


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _at_least(name: str, observed: float | None, required: float, what: str) -> GateResult:
    ok = observed is not None and observed >= required
    return GateResult(name, ok, observed, required, f"{what}: {_shown(observed)}, at least {_shown(required)} required")


def _at_most(name: str, observed: float | None, required: float, what: str) -> GateResult:
    ok = observed is not None and observed <= required
    return GateResult(name, ok, observed, required, f"{what}: {_shown(observed)}, at most {_shown(required)} allowed")


def _shown(value: float | None) -> str:
    if value is None:
        return "not computable"
    return f"{value:,.0f}" if value.is_integer() else f"{value:.4g}"
