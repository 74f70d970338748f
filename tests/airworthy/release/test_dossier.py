"""Collecting the evidence: each figure from the place that knows it."""

import pytest
from small_models import SPEC
from test_controller import Releases

from airworthy import publish
from airworthy.lake import Lake
from airworthy.release.evidence import Validation
from airworthy.training.evaluation import Metrics, Other


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
    assert [gate.name for gate in evidence.gates][:2] == ["min_holdout_rows", "min_roc_auc"]
    assert evidence.links["Training in Airflow"] == "/dags/flights.train/runs/manual__run-2"


def test_a_champion_the_evaluation_did_not_know_leaves_the_comparison_empty(releases, monkeypatch):
    releases.promoted(2)
    known = releases.registry.evaluation("run-3").model_copy(
        update={"champion": Other(metrics=Metrics(rows=29_000, roc_auc=0.7), version=1, kind="baseline")}
    )
    monkeypatch.setattr(releases.registry, "evaluation", lambda run_id: known)
    releases.watched(3)
    evidence = releases.control.evidence(3)
    assert evidence.champion is None and evidence.champion_version == 2 and not evidence.champion_is_baseline
    assert "not compared with today's champion v2" in evidence.markdown()


def test_a_champion_the_evaluation_knew_is_shown(releases, monkeypatch):
    releases.promoted(2)
    known = releases.registry.evaluation("run-3").model_copy(
        update={"champion": Other(metrics=Metrics(rows=29_000, roc_auc=0.7), version=2, kind="candidate")}
    )
    monkeypatch.setattr(releases.registry, "evaluation", lambda run_id: known)
    releases.watched(3)
    assert releases.control.evidence(3).champion.roc_auc == 0.7


def test_the_validation_shown_is_that_of_the_version_trained_on(releases):
    lake = Lake(releases.control.settings.lake, {})
    good = {"success": True, "failed": [], "evaluated": 31, "docs": "http://docs/3"}
    publish.publish(lake, SPEC, version=3, raw_versions={"flights": 1}, validation=good)
    publish.publish(lake, SPEC, version=4, raw_versions={"flights": 2}, validation={**good, "evaluated": 99})
    releases.watched(2)
    evidence = releases.control.evidence(2)
    assert evidence.validation == Validation(success=True, expectations=31)
    assert evidence.links["Data Docs"] == "http://docs/3"
