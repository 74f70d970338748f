"""People's answers: which count, what each writes, and when they are enough."""

import pytest
from releases import Releases
from small_models import spec_with

from airworthy.release.approvals import NotApproved


@pytest.mark.parametrize(
    ("user", "digest", "why"),
    [
        ("mallory", None, "not among the approvers"),
        ("ann", "0" * 64, "answered with evidence 000000000000"),
        ("ann", "", r"answered with evidence \(none\)"),
    ],
)
def test_an_answer_that_does_not_count_is_written_down_and_promotes_nothing(releases, user, digest, why):
    asked = releases.asked(2)
    decision = releases.answer(2, asked if digest is None else digest, user=user)
    assert not decision.allowed
    assert releases.events(2)[-1] == "not_counted"
    with pytest.raises(NotApproved):
        releases.control.promote(2)
    assert releases.answer(2, asked).allowed  # the request is still open for somebody who may
    releases.control.promote(2)


def test_who_started_the_training_cannot_approve_it_when_the_policy_says_so(tmp_path):
    releases = Releases(tmp_path, spec_with(trigger_may_approve=False))
    digest = releases.asked(2, triggered_by="ann")
    assert not releases.answer(2, digest, user="ann").allowed
    assert releases.answer(2, digest, user="bob").allowed
    assert releases.control.promote(2).actor == "bob"


def test_two_different_people_are_needed_when_the_policy_says_so(tmp_path):
    releases = Releases(tmp_path, spec_with(approvals_required=2))
    digest = releases.asked(2)
    assert releases.answer(2, digest, user="ann").allowed
    assert releases.control.decided(2) is None
    assert not releases.answer(2, digest, user="ann", task_id="approve_second").allowed
    with pytest.raises(NotApproved, match="1 of 2"):
        releases.control.promote(2)
    assert releases.answer(2, digest, user="bob", task_id="approve_second").allowed
    assert releases.control.decided(2) == "approved by ann and bob"
    assert releases.control.promote(2).actor == "ann and bob"


def test_a_task_killed_after_recording_an_answer_records_it_once(releases):
    digest = releases.asked(2)
    for _ in range(2):
        assert releases.answer(2, digest).allowed
    assert releases.events(2).count("approved") == 1


def test_a_rejection_ends_the_canary_and_leaves_the_champion(releases):
    digest = releases.asked(2)
    for _ in range(2):
        assert releases.answer(2, digest, decision="reject", reason="wrong slice").allowed
    assert releases.serving() == (1, None, 0.0, None)
    assert releases.control.closed(2).reason == "wrong slice"
    with pytest.raises(NotApproved, match="rejected by ann"):
        releases.control.promote(2)
    assert not releases.answer(2, digest, user="bob").allowed
    releases.control.roll_back(2)
    assert releases.events(2)[-2:] == ["not_counted", "rolled_back"]


def test_no_answer_in_time_is_a_no(releases):
    digest = releases.asked(2)
    assert releases.control.record_timeout(2).allowed
    assert "timed_out" in releases.control.decided(2)
    assert releases.serving() == (1, None, 0.0, None)
    assert not releases.answer(2, digest).allowed


def test_a_timeout_after_the_approval_changes_nothing(releases):
    releases.answer(2, releases.asked(2))
    assert not releases.control.record_timeout(2).allowed
    releases.control.promote(2)
