"""Is a candidate good enough to be registered? A pure function of its evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airworthy.evaluation.document import Evaluation
from airworthy.model import kinds
from airworthy.model.kinds.base import Figures, Kind
from airworthy.spec.gates import Gates, MetricGates
from airworthy.spec.tasks import Metric


@dataclass(frozen=True)
class GateResult:
    """One condition and whether it holds.

    Attributes:
        name: the key below the spec's ``gates``, without ``metrics``, e.g. ``METRIC.min``; for a slice with its
            value, ``METRIC.min_in_slices[origin=JFK]``.
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
    """Every gate's result, passed or not: rows, then metric by metric, the slices last.

    A figure that could not be computed fails its gate. Gates against LightGBM and the champion are left out where
    there is nothing to compare with; the always-average baseline as champion is judged by the gate against it.
    """
    kind = kinds.named(evaluation.task)
    bounds = {name: asked(kind, metric, gates) for name, metric in kind.metrics.items()}
    rows = evaluation.candidate.rows
    results = [_at_least("min_holdout_rows", float(rows), float(gates.min_holdout_rows), "holdout rows")]
    for name, metric in kind.metrics.items():
        results += _overall(evaluation, metric, bounds[name])
    for name, metric in kind.metrics.items():
        results += _in_slices(evaluation, kind, gates.slices, metric, bounds[name])
    return results


def asked(kind: Kind, metric: Metric, gates: Gates) -> MetricGates:
    """What the spec asks of a metric, and where it is silent the least that is asked of every candidate.

    That is: not to be worse than knowing nothing, and no loss against always answering the average.
    """
    least: dict[str, float] = {}
    if metric.knows_nothing is not None:
        least["min" if metric.higher_is_better else "max"] = metric.knows_nothing
    if metric.name == kind.selects:
        least["min_gain_over_average"] = 0.0
    given = gates.metrics.get(metric.name, MetricGates())
    return MetricGates(**{**least, **given.model_dump(exclude_none=True)})


def passed(results: list[GateResult]) -> bool:
    """Did every gate hold?"""
    return all(result.passed for result in results)


def _overall(evaluation: Evaluation, metric: Metric, bounds: MetricGates) -> Iterator[GateResult]:
    candidate, champion = evaluation.candidate, evaluation.champion
    level = bounds.min if metric.higher_is_better else bounds.max
    if level is not None:
        yield _level(metric, candidate, level, "", f"{metric.title} on the holdout")
    if bounds.min_gain_over_average is not None:
        unit = f" ({metric.unit})" if metric.unit else ""
        yield _at_least(
            f"{metric.name}.min_gain_over_average",
            _gain(metric, candidate, evaluation.average),
            bounds.min_gain_over_average,
            f"{metric.title} gained over always answering the average{unit}",
        )
    if bounds.max_behind_lightgbm is not None and evaluation.lightgbm is not None:
        yield _at_most(
            f"{metric.name}.max_behind_lightgbm",
            _gain(metric, evaluation.lightgbm.figures, candidate),
            bounds.max_behind_lightgbm,
            f"{metric.title} behind LightGBM's",
        )
    if bounds.max_behind_champion is not None and champion is not None and not champion.is_baseline:
        yield _at_most(
            f"{metric.name}.max_behind_champion",
            _gain(metric, champion.figures, candidate),
            bounds.max_behind_champion,
            f"{metric.title} behind that of champion v{champion.version}",
        )


def _in_slices(
    evaluation: Evaluation, kind: Kind, columns: list[str], metric: Metric, bounds: MetricGates
) -> Iterator[GateResult]:
    level = bounds.min_in_slices if metric.higher_is_better else bounds.max_in_slices
    if level is None:
        return
    for part in evaluation.slices:
        if part.column in columns and part.candidate.rows >= kind.min_slice_rows:
            which = f"_in_slices[{part.column}={part.value}]"
            yield _level(metric, part.candidate, level, which, f"{metric.title} where {part.column} is {part.value}")


def _level(metric: Metric, figures: Figures, required: float, which: str, what: str) -> GateResult:
    if metric.higher_is_better:
        return _at_least(f"{metric.name}.min{which}", figures[metric.name], required, what)
    return _at_most(f"{metric.name}.max{which}", figures[metric.name], required, what)


def _gain(metric: Metric, figures: Figures, other: Figures) -> float | None:
    value, against = figures[metric.name], other[metric.name]
    return None if value is None or against is None else metric.gain(value, against)


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
