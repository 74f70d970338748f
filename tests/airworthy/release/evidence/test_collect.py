"""Collecting the evidence: each figure from the place that knows it."""

from dataclasses import asdict

import pytest
from evaluations import figures
from releases import Releases
from small_models import SPEC

from airworthy.evaluation.document import RivalFigures, Slice
from airworthy.features import published
from airworthy.features.validation import Failure, ValidationResult
from airworthy.lake.lake import Lake
from airworthy.release.evidence import markdown
from airworthy.release.evidence.document import Validation


@pytest.fixture
def releases(tmp_path):
    releases = Releases(tmp_path)
    yield releases
    releases.ledger.close()


def test_the_first_candidate_is_compared_with_the_average_and_says_so(releases):
    releases.watched(2)
    evidence = releases.control.evidence(2)
    assert evidence.champion_is_baseline and evidence.champion_version == 1
    assert evidence.champion == evidence.average
    assert evidence.triggered_by == "the schedule"
    assert evidence.canary.share == pytest.approx(100 * 103 / 2053)
    assert [gate.name for gate in evidence.gates][:2] == ["min_holdout_rows", "roc_auc.min"]
    assert evidence.links["Training in Airflow"] == "/dags/flights.train/runs/manual__run-2"


def test_a_champion_the_evaluation_did_not_know_leaves_the_comparison_empty(releases):
    releases.promoted(2)
    known = releases.registry.evaluation("run-3").model_copy(
        update={"champion": RivalFigures(figures=figures(29_000, roc_auc=0.7), version=1, is_baseline=True)}
    )
    releases.registry.evaluations[known.run_id] = known
    releases.watched(3)
    evidence = releases.control.evidence(3)
    assert evidence.champion is None and evidence.champion_version == 2 and not evidence.champion_is_baseline
    assert "not compared with today's champion v2" in markdown.page(evidence)


def test_a_champion_the_evaluation_knew_is_shown(releases):
    releases.promoted(2)
    known = releases.registry.evaluation("run-3").model_copy(
        update={"champion": RivalFigures(figures=figures(29_000, roc_auc=0.7), version=2)}
    )
    releases.registry.evaluations[known.run_id] = known
    releases.watched(3)
    assert releases.control.evidence(3).champion["roc_auc"] == 0.7


@pytest.mark.parametrize(
    ("compared_with", "shown"),
    [(2, 0.68), (1, None), (None, None)],
    ids=["today's champion", "an earlier champion", "none, and today's is a trained model"],
)
def test_a_slice_shows_the_champion_only_where_it_is_todays(releases, compared_with, shown):
    releases.promoted(2)
    champion = compared_with and RivalFigures(figures=figures(9, roc_auc=0.7), version=compared_with)
    part = Slice(
        column="origin",
        value="JFK",
        candidate=figures(9, roc_auc=0.72),
        champion=figures(9, roc_auc=0.68) if champion else None,
        average=figures(9, roc_auc=0.5),
    )
    known = releases.registry.evaluation("run-3").model_copy(update={"champion": champion, "slices": (part,)})
    releases.registry.evaluations[known.run_id] = known
    releases.watched(3)
    [part] = releases.control.evidence(3).slices
    assert (part.champion and part.champion["roc_auc"]) == shown


def test_the_first_release_is_compared_with_the_average_in_every_slice(releases):
    metrics = {"candidate": figures(9, roc_auc=0.72), "average": figures(9, roc_auc=0.5)}
    part = Slice(column="origin", value="JFK", **metrics)
    known = releases.registry.evaluation("run-2").model_copy(update={"slices": (part,)})
    releases.registry.evaluations[known.run_id] = known
    releases.watched(2)
    evidence = releases.control.evidence(2)
    assert evidence.champion_is_baseline and evidence.slices[0].champion["roc_auc"] == 0.5
    assert "| origin = JFK | 9 | 0.72 | 0.5 | +0.2200 better |" in markdown.page(evidence)


def test_the_validation_shown_is_that_of_the_version_trained_on(releases):
    lake = Lake(releases.control.settings.lake, {})
    for version in (2, 3, 4):
        missed = [Failure("expect_column_max", "temp", {}, {})] if version == 3 else []
        found = ValidationResult(not missed, "flights/features/training", version, 100, 31, missed, f"/docs/{version}")
        published.publish(lake, SPEC, version=version, raw_versions={"flights": 1}, validation=asdict(found))
    releases.watched(2)
    evidence = releases.control.evidence(2)
    assert evidence.validation == Validation(
        success=False, expectations=31, failures=("expect_column_max(temp)",), docs="/docs/3"
    )
    assert "/docs/3" in markdown.page(evidence)


def test_what_is_odd_about_the_candidates_answers_is_shown_before_the_figures(releases):
    known = releases.registry.evaluation("run-2").model_copy(update={"doubts": ("Too good to be true.",)})
    releases.registry.evaluations[known.run_id] = known
    releases.watched(2)
    evidence = releases.control.evidence(2)
    assert evidence.doubts == ("Too good to be true.",)


def test_the_evidence_keeps_the_headline_metrics_only(releases):
    releases.watched(2)
    evidence = releases.control.evidence(2)
    assert list(evidence.candidate.values) == ["roc_auc", "log_loss"]
