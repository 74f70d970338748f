"""The champion: the first one, the way back to an earlier one, and a registry that says what the ledger says."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airworthy.errors import AirworthyError
from airworthy.evaluation import baseline, document
from airworthy.ledger.events import CHAMPION_EVENTS
from airworthy.release import reconcile as aliases
from airworthy.release.decisions import rules, state
from airworthy.release.record import SYSTEM, ReleaseRecord

if TYPE_CHECKING:
    from airworthy.ledger.events import Entry
    from airworthy.registry.registry import Registry
    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger(__name__)


class NothingToRestore(AirworthyError):
    """There is no such earlier champion."""


def ensure(record: ReleaseRecord, registry: Registry, spec: PipelineSpec, version: int) -> None:
    """The first release finds no champion: the always-average baseline becomes one.

    A champion that was there before the ledger is taken over as it is: a live service must not fall back to a
    baseline because it is new here. The baseline is the pipeline's first version; in a registry where it is not, it
    is registered now.

    Args:
        version: the first candidate, whose training data the average is of where there is no baseline yet.
    """
    if state.champions(record.entries()):
        return
    champion = registry.aliases.get(spec.name, "champion")
    reason = "was the champion when the ledger began"
    if champion is None:
        champion = _baseline(registry, spec, version)
        reason = "the always-average baseline, so that the first candidate has something to beat"
    key = f"{spec.name}:bootstrapped"
    record.append(champion, "bootstrapped", SYSTEM, reason, {}, key, rules.must_have_no_champion())


def _baseline(registry: Registry, spec: PipelineSpec, version: int) -> int:
    for known in registry.versions.all(spec.name):
        if known.is_baseline:
            return known.version
    run_id = registry.versions.get(spec.name, version).run_id
    return baseline.ensure(registry, spec, document.read(registry.runs, run_id))


def restore(record: ReleaseRecord, to_version: int | None, actor: str, reason: str) -> Entry:
    """Write down that an earlier champion comes back; `reconcile` then brings it.

    Args:
        to_version: None for the one before the current champion.

    Raises:
        NothingToRestore: no champion before, or ``to_version`` never was the champion.
    """
    entries = record.entries()
    current = state.desired_state(entries).champion
    target = state.restorable(entries, to_version)
    if target is None:
        wanted = "there is none before it" if to_version is None else f"v{to_version} never was the champion"
        raise NothingToRestore(
            f"v{current} is the champion of {record.pipeline}; {wanted}",
            next_step=f"once the champion: {sorted({entry.version for entry in state.champions(entries)})}; "
            "docs/runbook.md#nothing-to-restore",
        )
    last = [entry for entry in entries if entry.event in CHAMPION_EVENTS][-1]
    if target == current:
        return last
    # the key holds the entry this starts from: two people who say "back" at once go one step, not two
    key = f"{record.pipeline}:restored:after:{last.position}"
    return record.append(target, "restored", actor, reason, {"before": current}, key)


def unfinished_restore(record: ReleaseRecord, registry: Registry) -> Entry | None:
    """The way back that was written down last and has not reached the registry (MLflow was away), if there is one.

    Without looking for it, asking again would go one champion further back.
    """
    changes = [entry for entry in record.entries() if entry.event in CHAMPION_EVENTS]
    if not changes or changes[-1].event != "restored":
        return None
    return changes[-1] if registry.aliases.get(record.pipeline, "champion") != changes[-1].version else None


def reconcile(record: ReleaseRecord, registry: Registry) -> list[str]:
    """Make the registry say what the ledger says; what had to be changed, in words."""
    done: list[str] = []
    wanted, before = state.desired_state(record.entries()), None
    while wanted != before:  # somebody else may have written to the ledger meanwhile: the last word is the ledger's
        done += aliases.follow(registry, record.pipeline, wanted)
        wanted, before = state.desired_state(record.entries()), wanted
    if done:
        log.info("%s: %s", record.pipeline, "; ".join(done))
    return done
