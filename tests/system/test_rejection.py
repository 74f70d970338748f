"""A candidate that a person rejects changes nothing."""

from __future__ import annotations

from datetime import date

from tests.system.deployment import Deployment
from tests.system.processes import kill, wait_until
from tests.system.releases import Release


def test_a_rejected_candidate_leaves_the_champion_untouched_although_mlflow_is_killed(
    deployment: Deployment, waiting: Release
) -> None:
    before = deployment.champion()

    kill(deployment.process("mlflow"))
    waiting.answer("reject", "not convinced")

    tasks = waiting.finish()
    assert (tasks["promote"], tasks["roll_back"]) == ("skipped", "success")
    serving = deployment.serving_state()
    assert (serving.champion, serving.challenger, serving.canary_percent) == (before, None, 0.0)
    assert waiting.events()[-1] == "rejected"
    assert not {"approved", "promoted"} & set(waiting.events())
    wait_until(
        lambda: set(deployment.ask(date(2013, 2, 9)).values()) == {before}, "the champion answers all", every=0.5
    )
