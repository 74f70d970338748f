"""The release DAG's hands: each step of `<pipeline>.release`, with this deployment's addresses."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airworthy_airflow import connections

if TYPE_CHECKING:
    from airworthy.release.controller import ReleaseController
    from airworthy.settings import Settings
    from airworthy.traffic.measure import Accumulator
    from airworthy.traffic.variants import VariantMeasurement

log = logging.getLogger(__name__)


def controller(pipeline: str) -> ReleaseController:
    """The release controller of a pipeline, on this deployment's registry and ledger."""
    from airworthy.ledger.ledger import Ledger
    from airworthy.registry.registry import Registry
    from airworthy.release.controller import ReleaseController
    from airworthy.spec import folders

    settings = connections.settings()
    spec = folders.load(settings.pipelines, pipeline)
    return ReleaseController(spec, Registry(settings.mlflow_url), Ledger(settings.ledger_url), settings)


def stage(pipeline: str, version: int) -> dict[str, Any]:
    """Check the candidate's contract; a refused candidate fails the task for good, a decided one skips the rest."""
    control = controller(pipeline)
    report = control.stage(version)
    for check in report.checks:
        log.info("%s %s: %s", "passed" if check.passed else "FAILED", check.name, check.reason)
    if not report.ok:
        raise AirflowFailException(f"{report.release_id} does not go further: {report.reason}")
    return {"release_id": report.release_id, "superseded": list(report.superseded)}


def record_verdict(pipeline: str, version: int, event: dict[str, Any]) -> None:
    """Write the window's verdict and its figures to the ledger."""
    from airworthy.release.decisions.canary import Verdict

    controller(pipeline).record_verdict(
        version, Verdict(event["outcome"], event["reason"]), _measurements(event["measurements"])
    )


def void(pipeline: str, version: int, event: dict[str, Any]) -> None:
    """End the canary at once and close the open request for approval."""
    controller(pipeline).void(version, "canary guard", event["reason"], _measurements(event["measurements"]))


def roll_back(pipeline: str, version: int) -> str:
    """End the canary unless the candidate was promoted; says how the release ended."""
    control = controller(pipeline)
    control.reconcile()
    closed = control.closed(version)
    if closed is not None and closed.event == "promoted":
        raise AirflowSkipException(f"{closed.release_id} was promoted: nothing to roll back")
    if closed is None:
        closed = control.roll_back(version, reason="the release stopped before it was decided; see the failed task")
    return f"{closed.event}: {closed.reason}" if closed else "it never became a candidate"


def report(pipeline: str, version: int) -> str:
    """The outcome in one line."""
    closed = controller(pipeline).closed(version)
    outcome = f"{pipeline} v{version}: {closed.event} by {closed.actor}: {closed.reason}" if closed else "undecided"
    log.info("%s", outcome)
    return outcome


def _measurements(figures: dict[str, dict[str, Any]]) -> dict[str, VariantMeasurement]:
    from airworthy.traffic.variants import VariantMeasurement

    return {variant: VariantMeasurement(**each) for variant, each in figures.items()}


@dataclass
class CanaryLook:
    """One look at the canary after the other; adds counters up across restarts of the service."""

    settings: Settings
    control: ReleaseController
    version: int
    window_minutes: float
    seen: Accumulator

    @classmethod
    def open(cls, pipeline: str, version: int, window_minutes: float) -> CanaryLook:
        """Resolve connections once; called in a thread of the triggerer."""
        from airworthy.traffic.measure import Accumulator

        return cls(connections.settings(), controller(pipeline), version, window_minutes, Accumulator())

    def once(self, minutes: float, mode: str) -> dict[str, Any] | None:
        """Measure and judge once.

        Args:
            minutes: time since the window began.
            mode: ``watch`` asks for a verdict, ``guard`` only for a breach or for the release's decision.

        Returns:
            What to say (outcome, reason, measurements by variant), or None to go on watching.
        """
        from airworthy.release.decisions.canary import breach, verdict

        if decision := self.control.decided(self.version):
            outcome = "decided" if mode == "guard" else "closed"
            return {"outcome": outcome, "reason": decision, "measurements": {}}
        figures = self._measure()
        policy = self.control.spec.release
        if mode == "guard":
            problem = breach(figures["challenger"], policy)
            outcome, reason = ("rollback", problem) if problem else ("wait", "")
        else:
            said = verdict(
                figures["challenger"],
                figures["champion"],
                policy,
                elapsed_minutes=minutes,
                window_minutes=self.window_minutes,
            )
            outcome, reason = said.outcome, said.reason
            log.info("%s: %s", outcome, reason)
        if outcome == "wait":
            return None
        return {
            "outcome": outcome,
            "reason": reason,
            "measurements": {variant: asdict(each) for variant, each in figures.items()},
        }

    def _measure(self) -> Mapping[str, VariantMeasurement]:
        """What was seen so far; while the service does not answer, what was seen before."""
        from airworthy.traffic.measure import ServiceAway, scrape

        settings, name = self.settings, self.control.spec.name
        try:
            reading = scrape(settings.serving_url, settings.serving_token, name, self.control.release_id(self.version))
        except ServiceAway as away:
            log.warning("%s", away)
        else:
            self.seen.add(reading)
        return self.seen.measurements()
