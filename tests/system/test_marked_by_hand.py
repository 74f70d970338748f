"""Marking the approval as successful by hand promotes nothing, whatever else is killed meanwhile."""

from __future__ import annotations

from datetime import date

from tests.system.deployment import Deployment, Sending
from tests.system.processes import kill
from tests.system.releases import Release


def test_marking_the_approval_as_successful_by_hand_promotes_nothing_while_the_rest_of_the_stack_is_killed(
    deployment: Deployment, candidate: Release
) -> None:
    before = deployment.champion()

    def kill_the_rest(sending: Sending) -> None:
        sending.wait_for(500)
        for name in ("triggerer", "api-server", "cluster"):
            kill(deployment.process(name))

    action = candidate.until_asked(first_day=date(2013, 2, 17), meanwhile=kill_the_rest)
    deployment.api.mark(action.dag_id, action.run_id, action.task_id, "success")

    tasks = candidate.finish()
    assert (tasks["promote"], tasks["roll_back"]) == ("failed", "success")
    serving = deployment.serving_state()
    assert (serving.champion, serving.challenger) == (before, None)
    assert not {"approved", "promoted"} & set(candidate.events())
