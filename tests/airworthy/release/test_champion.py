"""The champion: the first one of a pipeline, and the way back to an earlier one."""

import contextlib

import pytest
from fake_registry import Killed

from airworthy.release.approvals import NotApproved
from airworthy.release.champion import NothingToRestore


def test_the_first_release_makes_the_average_the_champion(releases):
    releases.candidate(2)
    [entry] = [entry for entry in releases.ledger.entries() if entry.event == "bootstrapped"]
    assert entry.version == 1 and "always-average" in entry.reason


def test_the_baseline_that_is_there_before_the_first_candidate_becomes_the_champion(releases):
    releases.registry.add(1, kind="baseline")
    releases.candidate(2)
    assert releases.events()[:2] == ["bootstrapped", "candidate"]
    assert releases.serving()[0] == 1
    made = [what for what in releases.registry.written if what[0] in ("run", "log", "register")]
    assert sorted(releases.registry.tags) == [1, 2] and made == [], "no second baseline, nor a part of one"


def test_a_registry_whose_first_version_is_a_candidate_gets_its_baseline_after_it(releases):
    assert releases.candidate(1).passed
    assert releases.serving()[0] == 2
    assert releases.events(1) == ["candidate", "staged"], "the later baseline supersedes nobody"
    releases.control.start_canary(1)
    assert releases.serving() == (2, 1, 5.0, "flights-v1")


@pytest.mark.parametrize("calls", range(8))
def test_a_first_release_killed_at_any_write_is_finished_by_running_it_again(releases, calls):
    releases.registry.add(2)
    releases.registry.calls_left = calls
    with contextlib.suppress(Killed):
        releases.control.enter(2)
    releases.registry.calls_left = None
    releases.control.enter(2)
    assert releases.serving() == (1, None, 0.0, None)
    assert releases.events() == ["bootstrapped", "candidate"]
    assert sorted(releases.registry.tags) == [1, 2]


def test_a_champion_from_before_the_ledger_is_taken_over(releases):
    releases.registry.add(4)
    releases.registry.pointers["champion"] = 4
    releases.candidate(5)
    assert releases.serving()[0] == 4
    assert releases.events(4) == ["bootstrapped"]


def test_restore_walks_back_through_the_champions(releases):
    for version in (2, 3, 4):
        releases.promoted(version)
    assert releases.control.restore(None, "ann", "v4 is wrong about snow").version == 3
    assert releases.serving()[0] == 3
    assert releases.control.restore(None, "ann", "v3 too").version == 2
    assert releases.control.restore(4, "ann", "it was the data").version == 4
    assert releases.control.restore(None, "bob", "no, it was not").version == 2
    assert releases.serving()[0] == 2
    assert releases.events()[-4:] == ["restored"] * 4


def test_a_way_back_that_stopped_at_the_registry_is_finished_by_asking_again_not_gone_on_with(releases):
    for version in (2, 3, 4):
        releases.promoted(version)
    releases.registry.calls_left = 0
    with pytest.raises(Killed):
        releases.control.restore(None, "ann", "v4 is wrong about snow")
    releases.registry.calls_left = None
    assert releases.serving()[0] == 4, "the ledger is ahead of the registry"
    assert releases.control.restore(None, "ann", "v4 is wrong about snow").version == 3
    assert releases.serving()[0] == 3
    assert releases.events().count("restored") == 1


def test_restore_to_what_serves_already_writes_nothing(releases):
    releases.promoted(2)
    before = releases.events()
    assert releases.control.restore(2, "ann", "").event == "promoted"
    assert releases.events() == before


def test_restore_is_no_way_around_the_approval(releases):
    releases.asked(2)
    with pytest.raises(NothingToRestore, match="v2 never was the champion"):
        releases.control.restore(2, "ann", "please")
    with pytest.raises(NothingToRestore, match="none before"):
        releases.control.restore(None, "ann", "please")


def test_restoring_a_champion_ends_a_running_canary_and_its_request(releases):
    releases.promoted(2)
    digest = releases.asked(3)
    releases.control.restore(None, "ann", "v2 is broken")
    assert releases.serving() == (1, None, 0.0, None)
    assert not releases.answer(3, digest).allowed
    with pytest.raises(NotApproved, match="restored by ann"):
        releases.control.promote(3)
