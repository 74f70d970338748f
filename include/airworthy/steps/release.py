"""What the release DAG's tasks do, as plain functions; watching and asking are Airflow's sensors."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airworthy.errors import Final

if TYPE_CHECKING:
    from airworthy.release.controller import ReleaseController
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger(__name__)


class GoesNoFurther(Final):
    """The candidate breaks its contract, or its release is decided already."""


def controller(spec: PipelineSpec, settings: Settings) -> ReleaseController:
    """The releases of a pipeline, on the registry and the ledger at these addresses."""
    from airworthy.ledger.ledger import Ledger
    from airworthy.registry.registry import Registry
    from airworthy.release.controller import ReleaseController

    return ReleaseController(spec, Registry(settings.mlflow_url), Ledger(settings.ledger_url), settings)


def check(control: ReleaseController, version: int) -> dict[str, Any]:
    """Enter the candidate and check its model; the release's id and the versions it superseded.

    Raises:
        GoesNoFurther: with every condition that does not hold, or how the release was decided.
    """
    superseded = control.enter(version)
    report = control.check(version)
    for condition in report.conditions:
        log.info("%s %s: %s", "passed" if condition.passed else "FAILED", condition.name, condition.reason)
    if not report.passed:
        raise GoesNoFurther(
            f"{report.release_id} does not go further: {report.reason}",
            next_step="`airworthy ledger` has its whole story; docs/runbook.md#model-refused",
        )
    return {"release_id": report.release_id, "superseded": list(superseded)}


def start_canary(control: ReleaseController, version: int) -> float:
    """Give the candidate its share of the live traffic; the share in percent."""
    return float(control.start_canary(version).details["percent"])


def promote(control: ReleaseController, version: int) -> str:
    """Make the candidate the champion; who approved it."""
    return control.promote(version).actor


def roll_back(control: ReleaseController, version: int) -> str | None:
    """End the canary unless the candidate was promoted; how the release ended, or None when it was promoted."""
    control.reconcile()
    closed = control.closed(version)
    if closed is not None and closed.event == "promoted":
        return None
    if closed is None:
        closed = control.roll_back(version, reason="the release stopped before it was decided; see the failed task")
    return f"{closed.event}: {closed.reason}" if closed else "it never became a candidate"


def report(control: ReleaseController, version: int) -> str:
    """The outcome in one line."""
    closed = control.closed(version)
    name = f"{control.spec.name} v{version}"
    outcome = f"{name}: {closed.event} by {closed.actor}: {closed.reason}" if closed else "undecided"
    log.info("%s", outcome)
    return outcome
