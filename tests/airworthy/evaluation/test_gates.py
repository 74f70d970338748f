"""The gates of registration."""

from __future__ import annotations

from typing import Any

import pytest
from evaluations import evaluation, figures
from hypothesis import given
from hypothesis import strategies as st

from airworthy.evaluation import gates
from airworthy.evaluation.document import Evaluation, RivalFigures, Slice
from airworthy.spec.gates import Gates

GATES = Gates.model_validate(
    {
        "min_holdout_rows": 1000,
        "metrics": {
            "roc_auc": {"min": 0.62, "max_behind_lightgbm": 0.01, "max_behind_champion": 0.005, "min_in_slices": 0.58},
            "log_loss": {"min_gain_over_average": 0.005},
        },
        "slices": ["origin"],
    }
)


def missed(found: Evaluation, limits: Gates = GATES) -> list[str]:
    return [result.name for result in gates.check(found, limits) if not result.passed]


def test_a_good_candidate_passes_every_gate() -> None:
    results = gates.check(evaluation(), GATES)
    assert gates.passed(results)
    assert len(results) == 6


@pytest.mark.parametrize(
    ("changes", "gate"),
    [
        ({"candidate": figures(999, roc_auc=0.74, log_loss=0.48)}, "min_holdout_rows"),
        ({"average": figures(log_loss=0.4849)}, "log_loss.min_gain_over_average"),
        ({"lightgbm": RivalFigures(figures=figures(roc_auc=0.7501))}, "roc_auc.max_behind_lightgbm"),
        (
            {"champion": RivalFigures(figures=figures(roc_auc=0.7451), version=3)},
            "roc_auc.max_behind_champion",
        ),
        (
            {"slices": (Slice(column="origin", value="LGA", candidate=figures(900, roc_auc=0.57)),)},
            "roc_auc.min_in_slices[origin=LGA]",
        ),
    ],
)
def test_each_gate_is_missed_alone_and_says_by_how_much(changes: dict[str, Any], gate: str) -> None:
    assert missed(evaluation(**changes)) == [gate]
    (result,) = [r for r in gates.check(evaluation(**changes), GATES) if not r.passed]
    assert f"{result.required:g}" in result.reason.replace(",", "")


def test_a_weak_candidate_misses_the_absolute_gate_even_without_rivals() -> None:
    weak = figures(roc_auc=0.61, log_loss=0.48)
    assert missed(evaluation(candidate=weak, lightgbm=None, champion=None)) == ["roc_auc.min"]


def test_a_figure_that_could_not_be_computed_fails_its_gates() -> None:
    blind = figures(roc_auc=float("nan"), log_loss=None)
    assert missed(evaluation(candidate=blind)) == [
        "roc_auc.min",
        "roc_auc.max_behind_lightgbm",
        "roc_auc.max_behind_champion",
        "log_loss.min_gain_over_average",
    ]


def test_the_always_average_champion_is_not_a_rival_twice() -> None:
    perfect = RivalFigures(figures=figures(roc_auc=0.99), version=1, is_baseline=True)
    assert missed(evaluation(champion=perfect)) == []


def test_small_slices_and_other_columns_are_shown_and_not_judged() -> None:
    parts = (
        Slice(column="origin", value="tiny", candidate=figures(199, roc_auc=0.1)),
        Slice(column="carrier", value="AA", candidate=figures(900, roc_auc=0.1)),
    )
    assert missed(evaluation(slices=parts)) == []


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_passing_means_exactly_that_every_bound_holds(candidate: float, lightgbm: float, champion: float) -> None:
    found = evaluation(
        candidate=figures(roc_auc=candidate, log_loss=0.4),
        lightgbm=RivalFigures(figures=figures(roc_auc=lightgbm)),
        champion=RivalFigures(figures=figures(roc_auc=champion), version=3),
    )
    expected = candidate >= 0.62 and lightgbm - candidate <= 0.01 and champion - candidate <= 0.005
    assert gates.passed(gates.check(found, GATES)) == expected


@given(st.floats(0, 0.99), st.floats(0.001, 0.01))
def test_a_better_candidate_never_misses_more(roc_auc: float, more: float) -> None:
    def count(value: float) -> int:
        return len(missed(evaluation(candidate=figures(roc_auc=value, log_loss=0.4))))

    assert count(min(roc_auc + more, 1.0)) <= count(roc_auc)


def test_nobody_passes_who_knows_nothing_also_where_the_spec_asks_for_nothing() -> None:
    guess = evaluation(candidate=figures(roc_auc=0.49, log_loss=0.56), lightgbm=None, champion=None)
    assert missed(guess, Gates()) == ["roc_auc.min", "log_loss.min_gain_over_average"]
    assert missed(evaluation(), Gates()) == []


def test_a_metric_of_which_less_is_better_is_bounded_from_above_and_behind_means_more() -> None:
    bounds = {"max": 0.17, "max_in_slices": 0.2, "max_behind_lightgbm": 0.01}
    limits = Gates.model_validate({"metrics": {"brier": bounds}, "slices": ["origin"]})
    found = evaluation(
        candidate=figures(roc_auc=0.7, log_loss=0.4, brier=0.18),
        lightgbm=RivalFigures(figures=figures(brier=0.165)),
        slices=(Slice(column="origin", value="JFK", candidate=figures(900, brier=0.21)),),
    )
    assert missed(found, limits) == ["brier.max", "brier.max_behind_lightgbm", "brier.max_in_slices[origin=JFK]"]
    better = evaluation(
        candidate=figures(roc_auc=0.7, log_loss=0.4, brier=0.16),
        lightgbm=RivalFigures(figures=figures(brier=0.165)),
        slices=(Slice(column="origin", value="JFK", candidate=figures(900, brier=0.19)),),
    )
    assert missed(better, limits) == []
