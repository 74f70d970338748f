"""What must hold before an entry is written, where the order of a release does not show it already."""

from __future__ import annotations

import pytest
from releases import Releases

from airworthy.release.decisions import rules


@pytest.fixture
def releases(tmp_path):
    releases = Releases(tmp_path)
    yield releases
    releases.ledger.close()


def test_a_pipeline_gets_its_first_champion_once(releases):
    rules.must_have_no_champion()([])
    releases.candidate(2)
    with pytest.raises(rules.HasChampion, match="v1 is the champion already"):
        rules.must_have_no_champion()(releases.ledger.entries())


def test_nothing_that_serves_is_rolled_back(releases):
    releases.asked(2)
    rules.must_not_serve("flights-v2")(releases.ledger.entries())
    releases.answer(2, releases.control.evidence(2).digest)
    releases.control.promote(2)
    with pytest.raises(rules.ReleaseClosed, match="promoted by ann"):
        rules.must_not_serve("flights-v2")(releases.ledger.entries())


def test_an_answer_before_anybody_was_asked_does_not_count(releases):
    releases.watched(2)
    may = rules.may_answer("flights-v2", "d", "ann", "approve", releases.control.spec.release)
    with pytest.raises(rules.DoesNotCount, match="nobody was asked"):
        may(releases.ledger.entries())


def test_an_entry_in_words_has_its_reason_only_where_there_is_one(releases):
    releases.candidate(2)
    releases.control.roll_back(2, "ann", "slow")
    *_, entry = releases.ledger.entries()
    assert rules.in_words(entry) == "flights-v2 is over: rolled_back by ann: slow"
