"""Fixture of the release's tests: a controller with a memory registry and a real ledger."""

import pytest
from releases import Releases


@pytest.fixture
def releases(tmp_path):
    releases = Releases(tmp_path)
    yield releases
    releases.ledger.close()
