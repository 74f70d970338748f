"""A candidate that its approver approves in a browser becomes the champion."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from tests.system import browser
from tests.system.deployment import PIPELINE, Deployment
from tests.system.processes import wait_until
from tests.system.releases import Release


def test_a_candidate_approved_in_the_browser_becomes_the_champion(
    deployment: Deployment, waiting: Release, tmp_path: Path
) -> None:
    before = deployment.champion()
    assert before != waiting.version, "nothing is promoted before a person has answered"

    airflow, action = deployment.stack.airflow_url, waiting.action
    approver = deployment.stack.credentials("approver")
    url = f"{airflow}/dags/{action.dag_id}/runs/{action.run_id}/tasks/{action.task_id}/required_actions"
    with browser.signed_in(airflow, approver.user, approver.password) as page:
        screenshot = tmp_path / "required-action.png"
        shown = browser.answer(page, url, "Approve", "clicked in a browser", screenshot)
    assert f"v{waiting.version}" in shown
    assert "ROC AUC" in shown
    assert screenshot.stat().st_size > 0

    tasks = waiting.finish()
    assert (tasks["promote"], tasks["roll_back"]) == ("success", "skipped")
    assert deployment.champion() == waiting.version
    wait_until(
        lambda: set(deployment.ask(date(2013, 2, 9), 50).values()) == {waiting.version}, "it answers all", every=0.5
    )
    approved = [e for e in deployment.ledger.entries(PIPELINE, waiting.run_id) if e.event == "approved"]
    assert [(e.actor, e.version, e.reason) for e in approved] == [("approver", waiting.version, "clicked in a browser")]
    deployment.ledger.verify()
