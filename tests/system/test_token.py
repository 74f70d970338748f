"""Nobody is answered without the token."""

from __future__ import annotations

from datetime import date

import httpx
from tests.system.deployment import PIPELINE, Deployment


def test_nobody_is_answered_without_the_token(deployment: Deployment) -> None:
    url = f"{deployment.settings.serving_url}/v1/models/{PIPELINE}:predict"
    instances = deployment.world.requests(date(2013, 2, 9))[:1]

    def status(**headers: str) -> int:
        return httpx.post(url, json={"instances": instances}, headers=headers, timeout=30).status_code

    assert [status(), status(Authorization="Bearer guessed")] == [401, 401]
    assert status(Authorization=f"Bearer {deployment.settings.serving_token}") != 401
