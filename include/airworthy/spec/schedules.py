"""The `schedules` section: when the DAGs start by themselves."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, model_validator

from airworthy.spec.base import Section


class Schedules(Section):
    """Cron expressions, UTC; null for "only when triggered"."""

    data: str | None = Field("0 5 * * *", description="when landed files are taken in")
    train: str | None = Field("0 7 * * 1", description="when a candidate is trained; a retrain request starts it too")

    @model_validator(mode="after")
    def _cron(self) -> Self:
        for name, value in (("data", self.data), ("train", self.train)):
            if value is not None and not re.fullmatch(r"@(hourly|daily|weekly|monthly|yearly)|\S+( \S+){4}", value):
                raise ValueError(f"{name}: {value!r} is not a cron expression of five fields")
        return self
