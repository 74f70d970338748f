"""What should serve, or does: the two aliases and the canary's share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServingState:
    """The versions behind the aliases; the challenger, its share of traffic in percent and its release come and go
    together."""

    champion: int | None = None
    challenger: int | None = None
    canary_percent: float = 0.0
    release_id: str | None = None
