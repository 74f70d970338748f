"""Every answer is in the prediction log once, although the service that gave it was killed."""

from __future__ import annotations

from datetime import date

from tests.system.deployment import PIPELINE, RATE, REQUESTS, Deployment
from tests.system.processes import kill, wait_until

from airworthy.lake import tables

TABLE = tables.predictions(PIPELINE)
#: What a killed service had not yet put into its spool: it does so every half second, so two seconds are plenty.
LAST_MOMENT = 2 * RATE


def test_no_prediction_is_logged_twice_although_the_service_was_killed(deployment: Deployment, trained: int) -> None:
    def logged() -> list[str]:
        if not deployment.lake.exists(TABLE):
            return []
        return list(deployment.lake.read(TABLE, columns=["prediction_id"]).column("prediction_id").to_pylist())

    before = len(logged())
    sending = deployment.send(date(2013, 2, 25))
    sending.wait_for(REQUESTS // 2)
    kill(deployment.process("serving"))
    sent = sending.finish()
    assert (sent.requests, sent.errors) == (REQUESTS, 0), "each request was answered, across the restart"
    assert sent.retries > 0

    wait_until(
        lambda: len(logged()) >= before + REQUESTS - LAST_MOMENT, "the prediction log reaches the lake", every=0.5
    )
    rows = logged()
    assert len(rows) == len(set(rows))
