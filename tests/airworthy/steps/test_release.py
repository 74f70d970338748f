"""The release DAG's steps on a real ledger: what each writes, and how it ends."""

from __future__ import annotations

import pytest
from releases import MEASURED, PROMOTE, Releases
from small_models import SPEC

from airworthy.steps import release
from airworthy.steps.release import GoesNoFurther


@pytest.fixture
def releases(tmp_path):
    releases = Releases(tmp_path)
    yield releases
    releases.ledger.close()


def on_canary(releases: Releases, version: int) -> None:
    assert releases.candidate(version).passed
    releases.control.start_canary(version)


def test_check_lets_a_sound_candidate_pass_and_says_whom_it_superseded(releases):
    on_canary(releases, 2)
    releases.registry.add(3)
    assert release.check(releases.control, 3) == {"release_id": "flights-v3", "superseded": [2]}


def test_check_fails_for_good_on_a_candidate_that_breaks_the_contract(releases):
    releases.registry.add(2)
    releases.registry.broken[2] = {"guard_nan": False}
    with pytest.raises(GoesNoFurther, match="flights-v2 does not go further"):
        release.check(releases.control, 2)
    assert releases.events(2)[-1] == "refused"


def test_rolling_back_ends_an_undecided_canary_and_leaves_a_decided_one_as_it_is(releases):
    on_canary(releases, 2)
    assert release.roll_back(releases.control, 2).startswith("rolled_back: ")
    assert releases.serving() == (1, None, 0.0, None)

    digest = releases.asked(3)
    releases.answer(3, digest, decision="reject", reason="no")
    assert release.roll_back(releases.control, 3) == "rejected: no"
    assert releases.events(3)[-1] == "rejected"


def test_rolling_back_leaves_what_was_promoted_and_what_never_was_a_candidate(releases):
    releases.promoted(2)
    assert release.roll_back(releases.control, 2) is None
    assert releases.serving()[0] == 2
    assert release.roll_back(releases.control, 9) == "it never became a candidate"


def test_rolling_back_brings_a_registry_that_fell_behind_up_to_the_ledger(releases):
    releases.promoted(2)
    releases.registry.pointers["champion"] = 1  # killed between the two
    assert release.roll_back(releases.control, 2) is None
    assert releases.serving()[0] == 2


def test_the_report_says_who_decided(releases):
    on_canary(releases, 2)
    assert release.report(releases.control, 2) == "undecided"
    releases.control.roll_back(2, "ann", "too slow")
    assert release.report(releases.control, 2) == "flights v2: rolled_back by ann: too slow"


def test_the_canary_starts_with_the_policys_share_and_promotion_names_who_let_it(releases):
    release.check(releases.control, releases.registry.add(2))
    assert release.start_canary(releases.control, 2) == SPEC.release.canary_percent
    releases.control.record_verdict(2, PROMOTE, MEASURED)
    evidence = releases.control.evidence(2)
    releases.control.request_approval(2, evidence)
    releases.answer(2, evidence.digest, user="bob")
    assert release.promote(releases.control, 2) == "bob"
    assert releases.serving()[0] == 2
