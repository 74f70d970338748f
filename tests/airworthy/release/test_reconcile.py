"""The registry's aliases follow the wanted state, whatever was left half done."""

import contextlib

import pytest
from fake_registry import FakeRegistry, Killed
from small_models import SPEC

from airworthy.release import reconcile
from airworthy.traffic.serving_state import ServingState

NOTHING = ServingState()
CHAMPION = ServingState(champion=2)
CANARY = ServingState(champion=2, challenger=3, canary_percent=5.0, release_id="flights-v3")
STATES = [CHAMPION, CANARY, ServingState(champion=3), ServingState(2, 4, 20.0, "flights-v4")]


def test_reconcile_takes_back_an_alias_that_was_moved_by_hand(releases):
    releases.promoted(2)
    releases.registry.aliases.set("flights", "champion", 7)
    releases.registry.aliases.set("flights", "challenger", 8)
    releases.registry.aliases.set_canary("flights", "mine", 50)
    done = releases.control.reconcile()
    assert releases.serving() == (2, None, 0.0, None)
    assert done == ["the canary of v8 ended", "champion: v2, was v7"]
    assert releases.control.reconcile() == []


def test_before_the_first_champion_nothing_is_touched(tmp_path):
    registry = FakeRegistry(tmp_path, SPEC)
    registry.pointers["champion"] = 7
    assert reconcile.follow(registry, "flights", NOTHING) == []
    assert registry.written == []


@pytest.mark.parametrize("after", STATES)
@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("writes", range(5))
def test_killed_at_any_write_the_next_call_finishes_it_and_the_one_after_has_nothing_to_do(
    tmp_path, before, after, writes
):
    registry = FakeRegistry(tmp_path, SPEC)
    reconcile.follow(registry, "flights", before)
    registry.calls_left = writes
    with contextlib.suppress(Killed):
        reconcile.follow(registry, "flights", after)
    registry.calls_left = None
    reconcile.follow(registry, "flights", after)
    assert registry.aliases.serving_state("flights") == after
    assert reconcile.follow(registry, "flights", after) == []


def test_a_challenger_has_no_share_while_aliases_move(tmp_path):
    registry = FakeRegistry(tmp_path, SPEC)
    reconcile.follow(registry, "flights", CANARY)
    registry.written.clear()
    reconcile.follow(registry, "flights", ServingState(3, 4, 5.0, "flights-v4"))
    kinds = [what[0] for what in registry.written]
    assert kinds == ["no canary", "delete", "set", "set", "canary"]
