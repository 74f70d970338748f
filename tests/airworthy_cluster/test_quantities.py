"""Quantities as Kubernetes reads them, and what a pod asks for in them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airworthy_cluster import quantities


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("500m", Decimal("0.5")),
        ("1.5", Decimal("1.5")),
        ("4Gi", 4 << 30),
        ("1k", 1000),
        ("1e3", 1000),
        (2, 2),
    ],
)
def test_quantities_are_read_as_kubernetes_reads_them(text: str | int, value: Any) -> None:
    assert quantities.parse(text) == value


@pytest.mark.parametrize("text", ["", "two", "1 Gi", "4GiB", "1e", "--1"])
def test_what_is_not_a_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantities.parse(text)


def test_a_pod_asks_for_its_containers_together_or_its_largest_init_container() -> None:
    def asks(cpu: str) -> dict[str, Any]:
        return {"resources": {"limits": {"cpu": cpu}}}

    spec = {"containers": [asks("1"), asks("500m")], "initContainers": [asks("2"), asks("100m")]}
    assert quantities.pod_requests(spec) == {"cpu": 2}
    assert quantities.pod_requests({"containers": spec["containers"]}) == {"cpu": Decimal("1.5")}
