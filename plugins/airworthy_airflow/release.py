"""The release DAG's hands: opens the release controller with this deployment's addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airworthy_airflow import connections

if TYPE_CHECKING:
    from airworthy.release.canary import VariantMeasurement, Verdict
    from airworthy.release.controller import ReleaseController
    from airworthy.serving.measure import Accumulator

    from airworthy.settings import Settings
    from airworthy.spec import PipelineSpec


def spec_of(pipeline: str) -> PipelineSpec:
    """The pipeline's specification."""
    from airworthy import pipelines

    return pipelines.load(connections.settings().pipelines, pipeline)


def controller(pipeline: str) -> ReleaseController:
    """The release controller of a pipeline, on this deployment's registry and ledger."""
    from airworthy.ledger import Ledger
    from airworthy.registry import Registry
    from airworthy.release.controller import ReleaseController

    settings = connections.settings()
    return ReleaseController(spec_of(pipeline), Registry(settings.mlflow_url), Ledger(settings.ledger_url), settings)


def record_verdict(pipeline: str, version: int, event: dict[str, Any]) -> None:
    """Write the window's verdict and its figures to the ledger."""
    from airworthy.release.canary import VariantMeasurement, Verdict

    controller(pipeline).record_verdict(
        version,
        Verdict(event["outcome"], event["reason"]),
        {variant: VariantMeasurement(**figures) for variant, figures in event["measurements"].items()},
    )


@dataclass
class CanaryLook:
    """One look at the canary after the other; adds counters up across restarts of the service."""

    settings: Settings
    spec: PipelineSpec
    control: ReleaseController
    version: int
    window_minutes: float
    seen: Accumulator

    @classmethod
    def open(cls, pipeline: str, version: int, window_minutes: float) -> CanaryLook:
        """Resolve connections once; called in a thread of the triggerer."""
        from airworthy.serving.measure import Accumulator

        control = controller(pipeline)
        return cls(connections.settings(), spec_of(pipeline), control, version, window_minutes, Accumulator())

    def once(self, minutes: float, mode: str) -> dict[str, Any] | None:
        """Measure and judge once.

        Returns:
            What to say (outcome, reason, measurements by variant), or None to go on watching.
        """
        from airworthy.release.canary import verdict

        if mode == "guard" and (decision := self.control.decided(self.version)):
            return {"outcome": "decided", "reason": decision, "measurements": {}}
        measured = self._measure()
        result: Verdict = verdict(
            measured["challenger"],
            measured["champion"],
            self.spec.release,
            elapsed_minutes=minutes,
            window_minutes=self.window_minutes,
        )
        if result.outcome == "wait" or (mode == "guard" and result.outcome != "rollback"):
            return None
        return {
            "outcome": result.outcome,
            "reason": result.reason,
            "measurements": {
                variant: {"requests": m.requests, "errors": m.errors, "p95_ms": m.p95_ms}
                for variant, m in measured.items()
            },
        }

    def _measure(self) -> dict[str, VariantMeasurement]:
        raise NotImplementedError
