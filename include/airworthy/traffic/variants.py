"""The two variants of a release, and what one of them answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Variant = Literal["champion", "challenger"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)


@dataclass(frozen=True)
class VariantMeasurement:
    """What one variant answered since its window began.

    Args:
        requests: requests sent to it, errors included.
        errors: those it failed to answer.
        p95_ms: 95th percentile of its answers' latency; None when there is none.
    """

    requests: int
    errors: int
    p95_ms: float | None

    def __post_init__(self) -> None:
        if not 0 <= self.errors <= self.requests:
            raise ValueError(f"errors must be between 0 and requests={self.requests}, found {self.errors}")

    @property
    def error_rate(self) -> float:
        """Errors as a fraction of requests; 0 without requests."""
        return self.errors / self.requests if self.requests else 0.0
