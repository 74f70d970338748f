"""What to load, what then answers, and what may go: decided from data, carried out by the follower."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airworthy.serving.follow.active import ActiveModels, FailedVersion

if TYPE_CHECKING:
    from airworthy.serving.follow.active import LoadedVersion
    from airworthy.traffic.serving_state import ServingState
    from airworthy.traffic.variants import Variant

MAX_DELAY_SECONDS = 60.0


@dataclass(frozen=True)
class Failure:
    """A version that did not load.

    Attributes:
        reason: in words.
        retry_at: when to try again, on the clock of the caller, seconds.
        delay: seconds from the failure to then.
    """

    reason: str
    retry_at: float
    delay: float

    @classmethod
    def after(cls, reason: str, before: Failure | None, *, now: float, first_delay: float) -> Failure:
        """Another failure: twice as long until the next try, up to a minute."""
        delay = first_delay if before is None else min(2 * before.delay, MAX_DELAY_SECONDS)
        return cls(reason, now + delay, delay)


@dataclass(frozen=True)
class Plan:
    """What has to be done to serve what is wanted.

    Attributes:
        load: versions to fetch, check and load, and as what, in this order.
        changed: something else is wanted than what was followed last.
    """

    load: tuple[tuple[int, Variant], ...]
    changed: bool

    @property
    def idle(self) -> bool:
        """Nothing has to be done."""
        return not self.load and not self.changed


def plan(
    wanted: ServingState,
    *,
    followed: ServingState | None,
    loaded: Collection[int],
    failures: Mapping[int, Failure],
    now: float,
) -> Plan:
    """From what is wanted, and what is here, to what has to be done.

    Args:
        wanted: the registry's aliases.
        followed: the aliases that were followed last; None at a start.
        loaded: versions in memory.
        failures: versions that did not load; each is tried again at its time only.
        now: on the failures' clock, seconds.
    """
    roles: tuple[tuple[int | None, Variant], ...] = (
        (wanted.champion, "champion"),
        (wanted.challenger, "challenger"),
    )
    load: dict[int, Variant] = {}
    for version, variant in roles:
        if version is None or version in loaded:
            continue
        if version not in failures or failures[version].retry_at <= now:
            load.setdefault(version, variant)
    return Plan(tuple(load.items()), wanted != followed)


def outcome(
    wanted: ServingState,
    *,
    before: ActiveModels,
    loaded: Mapping[int, LoadedVersion],
    failures: Mapping[int, Failure],
    offline: bool,
) -> ActiveModels:
    """What answers once the plan was carried out.

    - A new champion that did not load: the old one goes on, and says so.
    - A challenger that did not load: see `FailedVersion`. But offline it was only never fetched: it cannot be judged
      yet, and gets no share.

    Args:
        wanted: the aliases that were followed.
        before: what answered until now.
        loaded: every version in memory.
        failures: the versions that did not load.
        offline: the registry is away, the aliases are the last known ones.
    """
    champion, problem = before.champion, None
    if wanted.champion is None or wanted.champion in loaded:
        champion = loaded[wanted.champion] if wanted.champion is not None else None
    else:
        problem = failures[wanted.champion].reason
    challenger: LoadedVersion | FailedVersion | None = None
    if wanted.challenger is not None:
        if wanted.challenger in loaded:
            challenger = loaded[wanted.challenger]
        elif not offline:
            challenger = FailedVersion(wanted.challenger, failures[wanted.challenger].reason)
    return ActiveModels(
        champion,
        challenger,
        wanted.canary_percent if challenger is not None else 0.0,
        wanted.release_id,
        known=True,
        problem=problem,
    )


def in_use(wanted: ServingState, active: ActiveModels) -> frozenset[int]:
    """Versions that have to stay: those that are wanted, and a champion that goes on in place of one."""
    answering = active.champion.version if active.champion is not None else None
    return frozenset(each for each in (wanted.champion, wanted.challenger, answering) if each is not None)


def surplus(cached: Collection[int], used: Collection[int], keep: int) -> tuple[int, ...]:
    """Versions whose files may go: all but those in use and the ``keep`` newest others, for a rollback."""
    return tuple(sorted({*cached} - {*used}, reverse=True)[keep:])
