"""A landing zone of its own for every test."""

from __future__ import annotations

from pathlib import Path

import pytest
from landing_zone import Zone


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    """Empty."""
    return Zone(tmp_path)
