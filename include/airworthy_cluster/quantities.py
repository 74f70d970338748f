"""Kubernetes quantities (``500m``, ``4Gi``) and what a pod asks for in them.

``kubernetes.utils.parse_quantity`` does the first half, but importing that package takes longer than the whole
server's start.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_QUANTITY = re.compile(r"^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$")
_SUFFIX = {
    **{
        suffix: Decimal(1000) ** power
        for power, suffix in zip(range(-3, 7), ("n", "u", "m", "", *"kMGTPE"), strict=True)
    },
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}
#: Asked for, but a process cannot be held to it and the node does not count it.
UNCOUNTED = frozenset({"ephemeral-storage"})


def parse(quantity: str | int | float) -> Decimal:
    """The number a quantity stands for: cores, bytes or devices.

    Raises:
        ValueError: it is not a quantity.
    """
    match = _QUANTITY.match(str(quantity))
    if match is None:
        raise ValueError(f"{quantity!r} is not a quantity such as 2, 500m, 1.5, 512Mi or 4Gi")
    return Decimal(match[1]) * _SUFFIX[match[2] or ""]


def container_requests(container: dict[str, Any]) -> dict[str, Decimal]:
    """What one container asks for; a limit without a request is also the request, as in Kubernetes."""
    resources = container.get("resources") or {}
    wanted = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return {name: parse(value) for name, value in wanted.items() if name not in UNCOUNTED}


def pod_requests(spec: dict[str, Any]) -> dict[str, Decimal]:
    """What the pod needs to be placed: its containers together, or its largest init container if that is more."""
    total: dict[str, Decimal] = {}
    for container in spec["containers"]:
        for name, value in container_requests(container).items():
            total[name] = total.get(name, Decimal(0)) + value
    for container in spec.get("initContainers") or ():
        for name, value in container_requests(container).items():
            total[name] = max(total.get(name, Decimal(0)), value)
    return total


def memory_limit(container: dict[str, Any]) -> int | None:
    """The container's memory limit in bytes, if it has one."""
    limit = ((container.get("resources") or {}).get("limits") or {}).get("memory")
    return None if limit is None else int(parse(limit))


def gpus(container: dict[str, Any]) -> int:
    """Devices the container asks for."""
    return int(container_requests(container).get("nvidia.com/gpu", Decimal(0)))
