"""The canary gets its share, a flight keeps its version across a restart, and nobody is promoted by it."""

from __future__ import annotations

import math
from datetime import date

from tests.system.deployment import REQUESTS, Deployment
from tests.system.processes import kill
from tests.system.releases import Releases

DAY = date(2013, 2, 10)


def test_the_canary_gets_its_share_and_a_flight_keeps_its_version_across_a_restart(
    deployment: Deployment, releases: Releases, trained: int
) -> None:
    champion = deployment.champion()
    release = releases.start(trained, canary_minutes=30)
    release.until_watched()

    sent = deployment.send(DAY).finish()

    assert (sent.requests, sent.errors) == (REQUESTS, 0)
    spread = math.sqrt(0.05 * 0.95 * sent.requests)
    assert abs(sent.by_variant["challenger"] - 0.05 * sent.requests) < 4 * spread, sent

    met = deployment.ask(DAY)
    assert set(met.values()) == {champion, release.version}
    assert deployment.ask(DAY) == met
    kill(deployment.process("serving"))
    assert deployment.ask(DAY) == met, "also after a restart"
    assert deployment.champion() == champion, "nothing is promoted before a person has answered"
