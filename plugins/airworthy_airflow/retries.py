"""Retries by kind of work, each rule with its reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

# by base class, so that a new kind of error cannot be forgotten here
_FINAL = RetryRule(
    exception="airworthy.errors.Final",
    action=RetryAction.FAIL,
    reason="the same input gives the same answer: a person has to change something first",
)

#: Talks to a service that may be restarting: try again soon, several times.
SERVICE_CALL: dict[str, Any] = {
    "retries": 5,
    "retry_delay": timedelta(seconds=10),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            _FINAL,
            RetryRule(
                exception=["airworthy.errors.Away", ConnectionError, TimeoutError],
                action=RetryAction.RETRY,
                retry_delay=timedelta(seconds=15),
                reason="the service is away; it is restarted by its supervisor, or by Kubernetes, within a minute",
            ),
        ]
    ),
}

#: Minutes of computing in a process of its own: once more, in case the machine was at fault.
HEAVY_JOB: dict[str, Any] = {
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "retry_policy": ExceptionRetryPolicy(rules=[_FINAL]),
}

#: A verdict over data: the same data gives the same verdict, so only a broken connection is worth a retry.
VERDICT: dict[str, Any] = {
    "retries": 3,
    "retry_delay": timedelta(seconds=15),
    "retry_policy": ExceptionRetryPolicy(
        rules=[
            _FINAL,
            RetryRule(
                exception="airflow.sdk.exceptions.AirflowFailException",
                action=RetryAction.FAIL,
                reason="the verdict is no, and it stays no",
            ),
        ]
    ),
}
