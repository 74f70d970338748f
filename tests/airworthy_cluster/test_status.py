"""A pod's status in one word."""

from __future__ import annotations

from typing import Any

import pytest

from airworthy_cluster.status import summary


def _pod(phase: str, *states: dict[str, Any], inits: tuple[dict[str, Any], ...] = (), **status: Any) -> dict[str, Any]:
    return {
        "metadata": {},
        "status": {
            "phase": phase,
            "containerStatuses": [{"state": state} for state in states],
            "initContainerStatuses": [{"state": state} for state in inits],
            **status,
        },
    }


@pytest.mark.parametrize(
    ("pod", "word"),
    [
        (_pod("Pending"), "Pending"),
        (_pod("Running", {"running": {}}), "Running"),
        (_pod("Pending", {"waiting": {"reason": "CreateContainerConfigError"}}), "CreateContainerConfigError"),
        (_pod("Succeeded", {"terminated": {"reason": "Completed", "exitCode": 0}}), "Completed"),
        (_pod("Failed", {"terminated": {"reason": "OOMKilled", "exitCode": 137}}), "OOMKilled"),
        (
            _pod("Failed", {"terminated": {"reason": "Error", "exitCode": 143}}, reason="DeadlineExceeded"),
            "DeadlineExceeded",
        ),
        (_pod("Pending", inits=({"terminated": {"exitCode": 0}}, {"running": {}})), "Init:1/2"),
        (_pod("Failed", inits=({"terminated": {"exitCode": 1, "reason": "Error"}},)), "Init:Error"),
    ],
)
def test_the_status_word_of_get_pods(pod: dict[str, Any], word: str) -> None:
    assert summary(pod) == word
