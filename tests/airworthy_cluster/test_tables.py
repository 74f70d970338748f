"""What ``kubectl get`` prints."""

from __future__ import annotations

import time

import pytest

from airworthy_cluster import tables
from airworthy_cluster.store import timestamp


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(5, "5s"), (119, "119s"), (125, "2m5s"), (700, "11m"), (9000, "150m"), (20000, "5h"), (200000, "2d")],
)
def test_ages_are_shown_as_kubectl_shows_them(seconds: int, shown: str) -> None:
    assert tables.age(timestamp(time.time() - seconds)) == shown
