"""The `monitoring` section: when production has drifted, and how much of it is logged."""

from __future__ import annotations

from pydantic import Field

from airworthy.spec.base import Fraction, Section


class Windows(Section):
    """k of the last n windows violated, the last one included (hysteresis)."""

    violated: int = Field(2, ge=1, description="k: so many windows must be violated")
    of: int = Field(3, ge=1, description="n: of the last so many")


class Monitoring(Section):
    """How production is looked at. Of these, only the prediction log's rate is used so far."""

    psi_threshold: float = Field(0.2, gt=0, description="population stability index above which a window is violated")
    windows: Windows = Field(Windows(), description="when windows add up to a violation")
    min_rows: int = Field(1000, ge=1, description="a window with fewer rows says nothing")
    prediction_log_rate: Fraction = Field(1.0, description="share of the request keys whose answers are logged")
