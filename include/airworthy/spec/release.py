"""The `release` section: how a candidate comes to production."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from airworthy.spec.base import Fraction, Section


class Release(Section):
    """How a candidate comes to production."""

    canary_percent: float = Field(5, gt=0, le=50, description="the candidate's share of the live traffic")
    window_minutes: float = Field(30, gt=0, description="how long the canary is watched before people are asked")
    min_samples: int = Field(100, ge=1, description="answers of the canary that a verdict needs")
    max_p95_ms: float = Field(100, gt=0, description="95th percentile of the canary's latency")
    max_error_rate: Fraction = Field(0.001, description="share of the canary's requests that may fail")
    approvers: list[str] = Field(min_length=1, description="user names that may approve or reject")
    approvals_required: Literal[1, 2] = Field(1, description="how many different people must approve")
    trigger_may_approve: bool = Field(True, description="may the person who started the training approve it?")
    approval_timeout_hours: float = Field(72, gt=0, description="no answer by then is a no")

    @model_validator(mode="after")
    def _enough_approvers(self) -> Self:
        if len(set(self.approvers)) < self.approvals_required:
            raise ValueError(f"{self.approvals_required} approvals need as many different approvers")
        return self
