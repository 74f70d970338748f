"""A service that every serving test may ask."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from serving_parts import RELEASE, FakeRegistry, build, running, serves


@pytest.fixture(scope="package")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Champion v1 answers 0.25, challenger v2 0.75 with a share of 5 %."""
    home = tmp_path_factory.mktemp("served")
    registry = FakeRegistry(home / "registry")
    registry.add(1)
    registry.add(2, rate=0.75)
    registry.canary(5, release_id=RELEASE)
    with running(build(home, registry)[0]) as client:
        serves(client, champion=1, challenger=2, canary_percent=5, release_id=RELEASE)
        yield client
