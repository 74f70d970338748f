"""When the DAGs start by themselves."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from airworthy.spec.schedules import Schedules


@pytest.mark.parametrize("cron", ["0 5 * * *", "*/15 * * * 1-5", "@daily", None])
def test_a_cron_expression_a_preset_or_nothing(cron: str | None) -> None:
    assert Schedules(data=cron, train=cron).data == cron


@pytest.mark.parametrize("cron", ["sometimes", "0 5 * *", "0 5 * * * *", "@never", ""])
def test_anything_else_is_refused_with_the_schedule_it_was_for(cron: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Schedules(train=cron)
    assert f"train: {cron!r} is not a cron expression of five fields" in str(refused.value)
