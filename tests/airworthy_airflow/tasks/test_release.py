"""The release DAG's tasks on a real ledger: what each writes, and how it ends."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput, TaskDeferred
from releases import MEASURED, Releases
from small_models import SPEC

from airworthy_airflow.sensors import approval
from airworthy_airflow.sensors.approval import ApprovalSensor
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
    assert releases.candidate(version).ok
    releases.control.start_canary(version)


# ---- stage, roll back, report ----


def test_stage_lets_a_sound_candidate_pass_and_says_whom_it_superseded(releases):
    on_canary(releases, 2)
    releases.registry.add(3)
    assert release.stage("flights", 3) == {"release_id": "flights-v3", "superseded": [2]}


def test_stage_fails_for_good_on_a_candidate_that_breaks_the_contract(releases):
    releases.registry.add(2)
    releases.registry.broken[2] = {"guard_nan": False}
    with pytest.raises(AirflowFailException, match="flights-v2 does not go further"):
        release.stage("flights", 2)
    assert releases.events(2)[-1] == "refused"


def test_rolling_back_ends_an_undecided_canary_and_leaves_a_decided_one_as_it_is(releases):
    on_canary(releases, 2)
    assert release.roll_back("flights", 2).startswith("rolled_back: ")
    assert releases.serving() == (1, None, 0.0, None)

    digest = releases.asked(3)
    releases.answer(3, digest, decision="reject", reason="no")
    assert release.roll_back("flights", 3) == "rejected: no"
    assert releases.events(3)[-1] == "rejected"


def test_rolling_back_skips_what_was_promoted_and_what_never_was_a_candidate(releases):
    releases.promoted(2)
    with pytest.raises(AirflowSkipException, match="flights-v2 was promoted"):
        release.roll_back("flights", 2)
    assert releases.serving()[0] == 2
    assert release.roll_back("flights", 9) == "it never became a candidate"


def test_rolling_back_brings_a_registry_that_fell_behind_up_to_the_ledger(releases):
    releases.promoted(2)
    releases.registry.aliases["champion"] = 1  # killed between the two
    with pytest.raises(AirflowSkipException):
        release.roll_back("flights", 2)
    assert releases.serving()[0] == 2


def test_the_report_says_who_decided(releases):
    on_canary(releases, 2)
    assert release.report("flights", 2) == "undecided"
    releases.control.roll_back(2, "ann", "too slow")
    assert release.report("flights", 2) == "flights v2: rolled_back by ann: too slow"


# ---- watch and guard ----


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


async def test_the_trigger_looks_until_there_is_something_to_say(monkeypatch):
    looks: list[tuple[float, str]] = []

    class Look:
        @staticmethod
        def once(minutes: float, mode: str) -> dict[str, Any] | None:
            looks.append((minutes, mode))
            return {"outcome": "promote"} if len(looks) == 3 else None

    monkeypatch.setattr(release.CanaryLook, "open", lambda *_: Look)
    trigger = CanaryTrigger(
        pipeline="flights",
        version=2,
        mode="guard",
        started="2026-01-01T00:00:00+00:00",
        window_minutes=1,
        poll_seconds=0.01,
    )
    again = CanaryTrigger(**trigger.serialize()[1])  # a triggerer that was killed makes it anew from this
    assert [event.payload async for event in again.run()] == [{"outcome": "promote"}]
    assert len(looks) == 3
    assert looks[0][0] > 60 * 24, "minutes count from the window's begin, also after a restart"
    assert {mode for _, mode in looks} == {"guard"}


# ---- approval ----


@pytest.fixture
def asked_again(monkeypatch) -> list[Any]:
    """Every time that Airflow is told to open the request once more."""
    opened: list[Any] = []
    monkeypatch.setattr(approval, "upsert_hitl_detail", lambda **request: opened.append(request["ti_id"]))
    return opened


def answered(digest: str, user: str = "ann", option: str = "Approve") -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": {"reason": "because", "evidence": digest},
        "responded_at": datetime(2026, 1, 1, tzinfo=UTC),
        "responded_by_user": {"id": "12", "name": user},
    }


def give(event: dict[str, Any]) -> Any:
    sensor = ApprovalSensor(task_id="approve", spec=SPEC, version="2")
    instance = SimpleNamespace(id="ti", try_number=1)
    return sensor.execute_complete({"ti": instance, "task_instance": instance, "task": sensor}, event)  # type: ignore[typeddict-item]


def test_an_approvers_yes_to_this_evidence_is_recorded(releases, asked_again):
    digest = releases.asked(2)
    assert give(answered(digest))["chosen_options"] == ["Approve"]
    entry = releases.ledger.entries("flights")[-1]
    assert (entry.event, entry.actor, entry.reason, entry.details["digest"]) == ("approved", "ann", "because", digest)
    assert asked_again == []


@pytest.mark.parametrize(("user", "right_evidence"), [("mallory", True), ("ann", False)])
@pytest.mark.parametrize("option", ["Approve", "Reject"])
def test_an_answer_by_somebody_else_or_to_other_evidence_does_not_count_and_people_are_asked_again(
    releases, asked_again, user, right_evidence, option
):
    digest = releases.asked(2)
    with pytest.raises(TaskAwaitingInput):
        give(answered(digest if right_evidence else "0" * 64, user, option))
    assert releases.events(2)[-1] == "not_counted"
    assert asked_again == ["ti"]
    assert releases.serving()[1] == 2, "the canary goes on"


def test_a_no_ends_the_canary_at_once(releases, asked_again, monkeypatch):
    monkeypatch.setattr(ApprovalSensor, "skip", lambda *_, **__: None)  # asks Airflow to skip what follows
    digest = releases.asked(2)
    give(answered(digest, option="Reject"))
    assert releases.events(2)[-1] == "rejected"
    assert releases.serving() == (1, None, 0.0, None)
