"""What is worth a retry: a service that is away is, a verdict is not."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from airflow.sdk import RetryAction
from airflow.sdk.exceptions import AirflowFailException

from airworthy.ledger.ledger import LedgerAway
from airworthy.registry.client import RegistryAway
from airworthy.release.approvals import NotApproved
from airworthy.spec.pipeline import SpecError
from airworthy.steps.data import ValidationFailed
from airworthy.steps.release import GoesNoFurther
from airworthy.steps.train import GatesMissed
from airworthy_airflow.retries import HEAVY_JOB, SERVICE_CALL, VERDICT

KINDS = {"service call": SERVICE_CALL, "heavy job": HEAVY_JOB, "verdict": VERDICT}


def decision(kind: dict[str, Any], error: Exception) -> Any:
    return kind["retry_policy"].evaluate(error, 1, 5)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("error", [SpecError, ValidationFailed, GatesMissed, GoesNoFurther, NotApproved])
def test_what_a_person_has_to_change_is_not_tried_again(kind, error):
    found = decision(kind, error("no"))
    assert found.action is RetryAction.FAIL
    assert "a person has to change something" in found.reason


def test_a_verdict_stays_and_a_broken_connection_is_tried_again():
    assert decision(VERDICT, AirflowFailException("no")).action is RetryAction.FAIL
    assert decision(VERDICT, ConnectionResetError("gone")).action is not RetryAction.FAIL
    for error in (RegistryAway("away"), LedgerAway("away"), ConnectionRefusedError("away"), TimeoutError("slow")):
        found = decision(SERVICE_CALL, error)
        assert found.action is RetryAction.RETRY
        assert "away" in found.reason


def test_every_error_that_a_rule_names_exists():
    for kind in KINDS.values():
        for rule in kind["retry_policy"].rules:
            for name in rule.exception if isinstance(rule.exception, list) else [rule.exception]:
                if isinstance(name, str):
                    module, _, attribute = name.rpartition(".")
                    assert issubclass(getattr(import_module(module), attribute), Exception), name
