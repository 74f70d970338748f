"""The gates of registration."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy.evaluation import gates
from airworthy.evaluation.document import Evaluation, Other, Slice
from airworthy.model.kinds.base import Metrics
from airworthy.spec.gates import Gates

GATES = Gates(
    min_holdout_rows=1000,
    min_roc_auc=0.62,
    min_gain_over_average_log_loss=0.005,
    max_roc_auc_below_lightgbm=0.01,
    max_roc_auc_below_champion=0.005,
    slices=["origin"],
    min_slice_roc_auc=0.58,
)


def evaluation(**changes: Any) -> Evaluation:
    good: dict[str, Any] = {
        "pipeline": "p",
        "train_run": "r",
        "run_id": "1",
        "data_version": "3",
        "data_until": "2013-08-31",
        "holdout_from": "2013-08-01",
        "train_rows": 9000,
        "candidate": Metrics(rows=2000, roc_auc=0.74, log_loss=0.48),
        "average": Metrics(rows=2000, roc_auc=0.5, log_loss=0.55),
        "lightgbm": Other(metrics=Metrics(rows=2000, roc_auc=0.745)),
        "champion": Other(metrics=Metrics(rows=2000, roc_auc=0.744), version=3, kind="candidate"),
        "slices": (Slice(column="origin", value="JFK", candidate=Metrics(rows=900, roc_auc=0.6)),),
    }
    return Evaluation.model_validate({**good, **changes})


def missed(found: Evaluation, limits: Gates = GATES) -> list[str]:
    return [result.name for result in gates.check(found, limits) if not result.passed]


def test_a_good_candidate_passes_every_gate() -> None:
    results = gates.check(evaluation(), GATES)
    assert gates.passed(results)
    assert len(results) == 6


@pytest.mark.parametrize(
    ("changes", "gate"),
    [
        ({"candidate": Metrics(rows=999, roc_auc=0.74, log_loss=0.48)}, "min_holdout_rows"),
        ({"average": Metrics(rows=2000, log_loss=0.4849)}, "min_gain_over_average_log_loss"),
        ({"lightgbm": Other(metrics=Metrics(rows=2000, roc_auc=0.7501))}, "max_roc_auc_below_lightgbm"),
        (
            {"champion": Other(metrics=Metrics(rows=2000, roc_auc=0.7451), version=3, kind="candidate")},
            "max_roc_auc_below_champion",
        ),
        (
            {"slices": (Slice(column="origin", value="LGA", candidate=Metrics(rows=900, roc_auc=0.57)),)},
            "min_slice_roc_auc[origin=LGA]",
        ),
    ],
)
def test_each_gate_is_missed_alone_and_says_by_how_much(changes: dict[str, Any], gate: str) -> None:
    assert missed(evaluation(**changes)) == [gate]
    (result,) = [r for r in gates.check(evaluation(**changes), GATES) if not r.passed]
    assert f"{result.required:g}" in result.reason.replace(",", "")


def test_a_weak_candidate_misses_the_absolute_gate_even_without_rivals() -> None:
    weak = Metrics(rows=2000, roc_auc=0.61, log_loss=0.48)
    assert missed(evaluation(candidate=weak, lightgbm=None, champion=None)) == ["min_roc_auc"]


def test_a_figure_that_could_not_be_computed_fails_its_gates() -> None:
    blind = Metrics(rows=2000, roc_auc=float("nan"), log_loss=None)
    assert missed(evaluation(candidate=blind)) == [
        "min_roc_auc",
        "min_gain_over_average_log_loss",
        "max_roc_auc_below_lightgbm",
        "max_roc_auc_below_champion",
    ]


def test_the_always_average_champion_is_not_a_rival_twice() -> None:
    perfect = Other(metrics=Metrics(rows=2000, roc_auc=0.99), version=1, kind="baseline")
    assert missed(evaluation(champion=perfect)) == []


def test_small_slices_and_other_columns_are_shown_and_not_judged() -> None:
    parts = (
        Slice(column="origin", value="tiny", candidate=Metrics(rows=199, roc_auc=0.1)),
        Slice(column="carrier", value="AA", candidate=Metrics(rows=900, roc_auc=0.1)),
    )
    assert missed(evaluation(slices=parts)) == []


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_passing_means_exactly_that_every_bound_holds(candidate: float, lightgbm: float, champion: float) -> None:
    found = evaluation(
        candidate=Metrics(rows=2000, roc_auc=candidate, log_loss=0.4),
        lightgbm=Other(metrics=Metrics(rows=2000, roc_auc=lightgbm)),
        champion=Other(metrics=Metrics(rows=2000, roc_auc=champion), version=3, kind="candidate"),
    )
    expected = candidate >= 0.62 and lightgbm - candidate <= 0.01 and champion - candidate <= 0.005
    assert gates.passed(gates.check(found, GATES)) == expected


@given(st.floats(0, 0.99), st.floats(0.001, 0.01))
def test_a_better_candidate_never_misses_more(roc_auc: float, more: float) -> None:
    def count(value: float) -> int:
        return len(missed(evaluation(candidate=Metrics(rows=2000, roc_auc=value, log_loss=0.4))))

    assert count(min(roc_auc + more, 1.0)) <= count(roc_auc)
