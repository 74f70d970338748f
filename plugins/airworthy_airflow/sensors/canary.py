"""The canary sensors: `watch` judges the window, `guard` stays on duty until the release is decided."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airworthy_airflow.tasks import release
from airworthy_airflow.triggers.canary import CanaryTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airworthy.release.decisions.canary import Mode
    from airworthy.spec.pipeline import PipelineSpec


class _CanarySensor(BaseSensorOperator):
    template_fields = ("version", "window_minutes")
    mode_of_trigger: Mode

    def __init__(
        self,
        *,
        spec: PipelineSpec,
        version: str,
        window_minutes: str | float | None = None,
        poll_seconds: float = 5,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipeline = spec.name
        self.version = version
        self.window_minutes = window_minutes if window_minutes is not None else spec.release.window_minutes
        self.poll_seconds = poll_seconds

    def execute(self, context: Context) -> Any:
        release.controller(self.pipeline).reconcile()
        self.defer(
            trigger=CanaryTrigger(
                pipeline=self.pipeline,
                version=int(self.version),
                mode=self.mode_of_trigger,
                started=datetime.now(UTC).isoformat(),
                window_minutes=float(self.window_minutes),
                poll_seconds=self.poll_seconds,
            ),
            method_name="execute_complete",
        )


class CanaryWatchSensor(_CanarySensor):
    """Watches the canary for its window, then lets the release go on or stops it.

    :param spec: the pipeline.
    :param version: the candidate's version, templated.
    :param window_minutes: how long to watch at most, templated; the spec's when left out.
    :param poll_seconds: time between two looks.
    """

    mode_of_trigger = "watch"

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Record the verdict; fail unless it is "promote". A release that was decided meanwhile is no failure."""
        from airworthy.release.decisions.canary import Verdict
        from airworthy.release.watch import Finding

        found = Finding.from_event(event)
        if found.outcome == "closed":
            raise AirflowSkipException(f"the release is decided: {found.reason}")
        verdict = Verdict(found.outcome, found.reason)
        release.controller(self.pipeline).record_verdict(int(self.version), verdict, found.measured)
        self.log.info("verdict: %s: %s", found.outcome, found.reason)
        if found.outcome != "promote":
            raise AirflowFailException(f"canary {found.outcome}: {found.reason}")
        return event


class CanaryGuardSensor(_CanarySensor):
    """Keeps watching while a person decides; a breach rolls back at once and voids the request.

    :param spec: the pipeline.
    :param version: the candidate's version, templated.
    :param poll_seconds: time between two looks.
    """

    mode_of_trigger = "guard"

    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """End quietly when the release was decided; on a breach roll back, close the request and fail."""
        from airworthy.release.watch import Finding

        found = Finding.from_event(event)
        if found.outcome == "decided":
            self.log.info("the release is decided: %s", found.reason)
            return found.reason
        release.controller(self.pipeline).void(int(self.version), "canary guard", found.reason, found.measured)
        raise AirflowFailException(f"canary breach while waiting for approval, rolled back: {found.reason}")
