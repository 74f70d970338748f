"""The canary's sensors on a real ledger: how they wait, what they write, and how they end."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from releases import MEASURED, Releases
from small_models import SPEC

from airworthy_airflow.sensors.canary import CanaryGuardSensor, CanaryWatchSensor
from airworthy_airflow.tasks import release
from airworthy_airflow.triggers.canary import CanaryTrigger

FIGURES = {variant: asdict(each) for variant, each in MEASURED.items()}
CONTEXT: Any = {}


@pytest.fixture
def releases(tmp_path, monkeypatch):
    releases = Releases(tmp_path)
    monkeypatch.setattr(release, "controller", lambda _pipeline: releases.control)
    yield releases
    releases.ledger.close()


def on_canary(releases: Releases, version: int) -> None:
    assert releases.candidate(version).passed
    releases.control.start_canary(version)


def watch(version: int = 2) -> CanaryWatchSensor:
    return CanaryWatchSensor(task_id="watch", spec=SPEC, version=str(version))


def guard(version: int = 2) -> CanaryGuardSensor:
    return CanaryGuardSensor(task_id="guard", spec=SPEC, version=str(version))


@pytest.mark.parametrize(("sensor", "mode"), [(watch, "watch"), (guard, "guard")])
def test_both_wait_in_the_triggerer_for_their_version(releases, sensor, mode):
    with pytest.raises(TaskDeferred) as deferred:
        sensor().execute(CONTEXT)
    assert isinstance(deferred.value.trigger, CanaryTrigger)
    wanted = deferred.value.trigger.serialize()[1]
    assert (wanted["pipeline"], wanted["version"], wanted["mode"]) == ("flights", 2, mode)
    assert wanted["window_minutes"] == SPEC.release.window_minutes


def test_the_watch_records_a_good_verdict_and_lets_the_release_go_on(releases):
    on_canary(releases, 2)
    event = {"outcome": "promote", "reason": "fine", "measurements": FIGURES}
    assert watch().execute_complete(CONTEXT, event) == event
    verdict = releases.ledger.entries("flights")[-1]
    assert (verdict.event, verdict.details["outcome"], verdict.reason) == ("verdict", "promote", "fine")
    assert verdict.details["measurements"]["challenger"]["requests"] == MEASURED["challenger"].requests


@pytest.mark.parametrize("outcome", ["rollback", "unclear"])
def test_the_watch_records_any_other_verdict_and_stops_the_release(releases, outcome):
    on_canary(releases, 2)
    with pytest.raises(AirflowFailException, match=f"canary {outcome}: bad"):
        watch().execute_complete(CONTEXT, {"outcome": outcome, "reason": "bad", "measurements": FIGURES})
    assert releases.ledger.entries("flights")[-1].details["outcome"] == outcome


def test_the_watch_gives_no_verdict_on_a_release_that_was_decided_meanwhile(releases):
    on_canary(releases, 2)
    with pytest.raises(AirflowSkipException, match="superseded"):
        watch().execute_complete(CONTEXT, {"outcome": "closed", "reason": "superseded", "measurements": {}})
    assert releases.events(2)[-1] == "canary_started"


def test_the_guard_ends_quietly_when_people_have_decided(releases):
    releases.asked(2)
    event = {"outcome": "decided", "reason": "approved by ann", "measurements": {}}
    assert guard().execute_complete(CONTEXT, event) == "approved by ann"
    assert releases.events(2)[-1] == "approval_requested"


def test_a_breach_ends_the_canary_and_the_request_and_nobody_can_approve_any_more(releases):
    digest = releases.asked(2)
    with pytest.raises(AirflowFailException, match="30 errors"):
        guard().execute_complete(CONTEXT, {"outcome": "rollback", "reason": "30 errors", "measurements": FIGURES})
    assert releases.serving() == (1, None, 0.0, None)
    assert releases.events(2)[-1] == "voided"
    assert not releases.answer(2, digest).allowed
