"""An answer given on the command line counts once, although the try that asked is lost and the service was killed."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date

from tests.system.deployment import PIPELINE, REQUESTS, Deployment, Sending
from tests.system.processes import hung, kill, wait_until
from tests.system.releases import Release

ASKED = ("approval_requested", "approved", "promoted")


def test_a_candidate_approved_on_the_command_line_is_promoted_although_scheduler_and_serving_failed(
    deployment: Deployment, candidate: Release
) -> None:
    with ExitStack() as while_the_scheduler_hangs:

        def kill_serving_and_hang_the_scheduler_while_it_asks(sending: Sending) -> None:
            sending.wait_for(500)
            kill(deployment.process("serving"))
            wait_until(lambda: candidate.state_of("approve") == "running", "approve begins", 240)
            while_the_scheduler_hangs.enter_context(hung(deployment.process("scheduler")))

        candidate.until_asked(first_day=date(2013, 2, 13), meanwhile=kill_serving_and_hang_the_scheduler_while_it_asks)
        sent = candidate.sent
        assert (sent.requests, sent.errors) == (REQUESTS, 0), "each request was answered once, across the restart"

        wrong = deployment.airworthy(
            "approve", PIPELINE, "--version", str(candidate.version), "--yes", "--reason", "x", user="admin"
        )
        assert wrong.returncode == 1
        assert "not a respondent" in wrong.stderr

        candidate.answer("approve", "better")

    # it now finds an answered task that it never saw waiting, takes it for a killed one and tries it again
    assert candidate.finish()["promote"] == "success"
    assert deployment.tries("release", candidate.run_id)["approve"] > 1, "the answer was given to a try that was lost"
    assert deployment.champion() == candidate.version
    happened = candidate.events()
    assert {event: happened.count(event) for event in ASKED} == dict.fromkeys(ASKED, 1)
    deployment.ledger.verify()
