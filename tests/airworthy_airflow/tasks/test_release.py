"""The release DAG's tasks: steps with this deployment's addresses, and which ends are Airflow's skips."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowSkipException
from releases import Releases
from small_models import SPEC

from airworthy.settings import Settings
from airworthy.spec import folders
from airworthy_airflow import connections
from airworthy_airflow.tasks import release


@pytest.fixture
def releases(tmp_path, monkeypatch):
    releases = Releases(tmp_path)
    monkeypatch.setattr(release, "controller", lambda _pipeline: releases.control)
    yield releases
    releases.ledger.close()


def test_a_promoted_version_skips_the_rollback(releases):
    releases.promoted(2)
    with pytest.raises(AirflowSkipException, match="flights-v2 was promoted"):
        release.roll_back("flights", 2)
    assert release.roll_back("flights", 9) == "it never became a candidate"


def test_check_canary_and_report_act_on_the_version_they_are_given(releases):
    releases.registry.add(3)
    assert release.check("flights", 3) == {"release_id": "flights-v3", "superseded": []}
    assert release.start_canary("flights", 3) == SPEC.release.canary_percent
    assert releases.serving() == (1, 3, 5.0, "flights-v3")
    assert release.report("flights", 3) == "undecided"


def test_the_controller_and_the_watch_are_on_this_deployments_addresses(tmp_path, monkeypatch):
    here = Settings(home=tmp_path, mlflow_url="http://mlflow.example:1", serving_url="http://serving.example:2")
    monkeypatch.setattr(connections, "settings", lambda: here)
    monkeypatch.setattr(folders, "load", lambda _folder, _name: SPEC)
    watch = release.canary_watch("flights", 7, "guard", 10.0)
    assert (watch.version, watch.mode, watch.control.settings) == (7, "guard", here)
    assert release.controller("flights").registry.server.url == "http://mlflow.example:1"
    assert list(tmp_path.iterdir()) == [], "nothing is made before something is written"
