"""Makes the registry's aliases follow the wanted state; run again after a crash, it finishes what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airworthy.registry.registry import Registry
    from airworthy.traffic.serving_state import ServingState


def follow(registry: Registry, name: str, wanted: ServingState) -> list[str]:
    """Change what differs and say what was changed, in words.

    Before the first champion the ledger has no opinion, and nothing is touched. A running canary's share is taken
    away before aliases move and given when all of them stand: no request meets a half-moved pair.
    """
    if wanted.champion is None:
        return []
    actual = registry.aliases.serving_state(name)
    done: list[str] = []
    same_canary = (actual.challenger, actual.canary_percent or 0.0, actual.release_id or None) == (
        wanted.challenger,
        wanted.canary_percent,
        wanted.release_id,
    )
    if not same_canary:
        registry.aliases.clear_canary(name)
        if actual.challenger is not None and actual.challenger != wanted.challenger:
            registry.aliases.delete(name, "challenger")
            done.append(f"the canary of v{actual.challenger} ended")
    if actual.champion != wanted.champion:
        registry.aliases.set(name, "champion", wanted.champion)
        done.append(f"champion: v{wanted.champion}, was {f'v{actual.champion}' if actual.champion else 'none'}")
    if not same_canary and wanted.challenger is not None:
        registry.aliases.set(name, "challenger", wanted.challenger)
        registry.aliases.set_canary(name, str(wanted.release_id), wanted.canary_percent)
        done.append(f"canary: v{wanted.challenger} gets {wanted.canary_percent:g} %")
    return done
