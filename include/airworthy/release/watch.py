"""Watches a canary: measures what it answered so far and judges that, one look after the other."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from airworthy.release.decisions import canary
from airworthy.release.decisions.canary import Mode
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec
from airworthy.traffic.measure import Accumulator, ServiceAway, scrape
from airworthy.traffic.variants import Variant, VariantMeasurement

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finding:
    """What ends a watch or a guard.

    Attributes:
        outcome: the canary's verdict; or that the release was decided meanwhile, ``closed`` to the watch and
            ``decided`` to the guard.
        reason: in one sentence.
        measured: the figures it rests on, by variant; none where nothing was measured.
    """

    outcome: Literal[canary.Outcome, "closed", "decided"]
    reason: str
    measured: Mapping[Variant, VariantMeasurement] = field(default_factory=dict)

    def as_event(self) -> dict[str, Any]:
        """As JSON knows it, for a trigger's event."""
        figures = {variant: asdict(each) for variant, each in self.measured.items()}
        return {"outcome": self.outcome, "reason": self.reason, "measurements": figures}

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Finding:
        """The finding that `as_event` made this of."""
        figures = {variant: VariantMeasurement(**each) for variant, each in event["measurements"].items()}
        return cls(event["outcome"], event["reason"], figures)


class Release(Protocol):
    """What is asked of the release controller."""

    spec: PipelineSpec
    settings: Settings

    def decided(self, version: int) -> str | None: ...

    def release_id(self, version: int) -> str: ...


@dataclass
class CanaryWatch:
    """One look at the canary after the other; adds counters up across restarts of the service.

    Attributes:
        control: the release controller; its ledger says whether the release is decided.
        version: the candidate.
        mode: what is looked for.
        window_minutes: length of the canary's window.
    """

    control: Release
    version: int
    mode: Mode
    window_minutes: float
    seen: Accumulator = field(default_factory=Accumulator)

    def look(self, elapsed_minutes: float) -> Finding | None:
        """Measure and judge once.

        Args:
            elapsed_minutes: time since the window began.

        Returns:
            What to act on, or None to go on watching.
        """
        if decision := self.control.decided(self.version):
            return Finding("decided" if self.mode == "guard" else "closed", decision)
        measured = self._measure()
        judged = canary.judge(
            self.mode,
            measured,
            self.control.spec.release,
            elapsed_minutes=elapsed_minutes,
            window_minutes=self.window_minutes,
        )
        if self.mode == "watch":
            log.info("%s: %s", judged.outcome, judged.reason)
        return None if judged.outcome == "wait" else Finding(judged.outcome, judged.reason, measured)

    def _measure(self) -> Mapping[Variant, VariantMeasurement]:
        """What was seen so far; while the service does not answer, what was seen before."""
        control, settings = self.control, self.control.settings
        try:
            reading = scrape(
                settings.serving_url, settings.serving_token, control.spec.name, control.release_id(self.version)
            )
        except ServiceAway as away:
            log.warning("%s", away)
        else:
            self.seen.add(reading)
        return self.seen.measurements()
