"""What to load, what answers, and what may go: as data, without a registry, a disk or a clock."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy.serving.follow.active import ActiveModels, FailedVersion, LoadedVersion
from airworthy.serving.follow.plan import Failure, Plan, in_use, outcome, plan, surplus
from airworthy.traffic.serving_state import ServingState


def version(number: int) -> LoadedVersion:
    return LoadedVersion(number, f"{number}0", cast(Any, None), (), ())


LOADED = {number: version(number) for number in range(1, 6)}
CANARY = ServingState(champion=1, challenger=2, canary_percent=5, release_id="r-v2")
FAILED = Failure("version 2 does not serve: no", retry_at=100, delay=5)


def planned(wanted: ServingState, now: float = 0, **changes: Any) -> Plan:
    return plan(wanted, now=now, **{"followed": None, "loaded": (), "failures": {}, **changes})


def test_what_is_wanted_and_not_here_is_loaded_champion_first() -> None:
    assert planned(CANARY) == Plan(((1, "champion"), (2, "challenger")), changed=True)
    assert planned(CANARY, loaded={1}) == Plan(((2, "challenger"),), changed=True)


def test_nothing_new_and_everything_here_is_nothing_to_do() -> None:
    assert planned(CANARY, followed=CANARY, loaded={1, 2}).idle


def test_another_share_is_a_change_although_nothing_is_to_be_loaded() -> None:
    before = ServingState(champion=1, challenger=2, canary_percent=50, release_id="r-v2")
    assert planned(CANARY, followed=before, loaded={1, 2}) == Plan((), changed=True)


@pytest.mark.parametrize(("now", "load"), [(99, ()), (100, ((2, "challenger"),))])
def test_a_version_that_failed_is_tried_again_at_its_time(now: float, load: tuple[Any, ...]) -> None:
    found = planned(CANARY, now, followed=CANARY, loaded={1}, failures={2: FAILED})
    assert found == Plan(load, changed=False)
    assert found.idle == (not load)


def test_without_aliases_nothing_is_loaded() -> None:
    assert planned(ServingState()) == Plan((), changed=True)


def test_delays_double_up_to_a_minute() -> None:
    failure, delays = None, []
    for _ in range(6):
        failure = Failure.after("no", failure, now=1000, first_delay=5)
        delays.append(failure.delay)
        assert failure.retry_at == 1000 + failure.delay
    assert delays == [5, 10, 20, 40, 60, 60]


def settled(wanted: ServingState, **changes: Any) -> ActiveModels:
    return outcome(wanted, **{"before": ActiveModels(), "loaded": LOADED, "failures": {}, "offline": False, **changes})


def test_what_was_loaded_answers() -> None:
    assert settled(CANARY) == ActiveModels(LOADED[1], LOADED[2], 5, "r-v2", known=True)


def test_a_champion_that_failed_leaves_the_old_one_answering_and_says_so() -> None:
    before = ActiveModels(LOADED[3], known=True)
    found = settled(ServingState(champion=2), before=before, loaded={3: LOADED[3]}, failures={2: FAILED})
    assert (found.champion, found.problem) == (LOADED[3], FAILED.reason)


def test_a_first_champion_that_failed_leaves_none() -> None:
    found = settled(ServingState(champion=2), loaded={}, failures={2: FAILED})
    assert (found.champion, found.problem, found.known) == (None, FAILED.reason, True)


def test_a_champion_taken_back_leaves_none_and_no_problem() -> None:
    found = settled(ServingState(), before=ActiveModels(LOADED[3], known=True))
    assert (found.champion, found.problem) == (None, None)


def test_a_challenger_that_failed_keeps_its_share() -> None:
    found = settled(CANARY, loaded={1: LOADED[1]}, failures={2: FAILED})
    assert found.challenger == FailedVersion(2, FAILED.reason)
    assert (found.percent, found.release) == (5, "r-v2")


def test_offline_a_challenger_that_was_never_fetched_gets_no_share() -> None:
    found = settled(CANARY, loaded={1: LOADED[1]}, failures={2: FAILED}, offline=True)
    assert (found.champion, found.challenger, found.percent, found.release) == (LOADED[1], None, 0, None)


def test_in_use_is_what_is_wanted_and_a_champion_that_goes_on() -> None:
    assert in_use(CANARY, ActiveModels(LOADED[1], LOADED[2])) == {1, 2}
    assert in_use(ServingState(champion=4), ActiveModels(LOADED[3])) == {3, 4}
    assert in_use(ServingState(), ActiveModels()) == set()


def test_the_newest_files_stay_for_a_rollback() -> None:
    assert surplus(range(1, 9), {2}, keep=3) == (5, 4, 3, 1)


numbers = st.frozensets(st.integers(1, 30))


@given(numbers, numbers, st.integers(0, 5))
def test_what_may_go_is_never_in_use_and_leaves_as_many_as_are_to_be_kept(
    cached: frozenset[int], used: frozenset[int], keep: int
) -> None:
    gone = set(surplus(cached, used, keep))
    kept = cached - gone - used
    assert gone <= cached - used
    assert len(kept) == min(keep, len(cached - used))
    assert all(one < other for one in gone for other in kept)


states = st.builds(
    ServingState,
    champion=st.none() | st.integers(1, 4),
    challenger=st.none() | st.integers(1, 4),
    canary_percent=st.sampled_from([0.0, 5.0]),
    release_id=st.none() | st.just("r"),
)


@given(states, st.none() | states, st.sets(st.integers(1, 4)), st.sets(st.integers(1, 4)), st.booleans())
def test_whatever_is_here_the_plan_can_be_settled_and_then_nothing_is_left_to_do(
    wanted: ServingState, followed: ServingState | None, loaded: set[int], sick: set[int], offline: bool
) -> None:
    """Every version loads or fails; after that the same aliases ask for nothing before a failure's time."""
    here = {number: version(number) for number in loaded - sick}
    failures = {}
    for number, _ in plan(wanted, followed=followed, loaded=here, failures={}, now=0).load:
        if number in sick:
            failures[number] = Failure("no", retry_at=5, delay=5)
        else:
            here[number] = version(number)
    active = outcome(wanted, before=ActiveModels(), loaded=here, failures=failures, offline=offline)
    assert plan(wanted, followed=wanted, loaded=here, failures=failures, now=4).idle
    assert (active.champion is None) == (wanted.champion is None or active.problem is not None)
    assert active.percent == 0 or active.challenger is not None
