"""Who may let a version into production, over all the ways in which an approval can be wrong."""

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy.release.decisions.approval import CLOSING, approved, may_decide
from airworthy.spec.release import Release


@dataclass(frozen=True)
class Record:
    event: str
    version: int = 7
    actor: str = "ann"
    reason: str = ""
    details: dict[str, Any] = field(default_factory=lambda: {"digest": "d" * 64})


DIGEST = "d" * 64
ONE = Release(approvers=["ann", "bob"])
TWO = Release(approvers=["ann", "bob", "cleo"], approvals_required=2)
OTHERS = Release(approvers=["ann", "bob"], trigger_may_approve=False)


def test_a_listed_approver_of_this_version_and_evidence_is_enough():
    decision = approved([Record("approved")], 7, DIGEST, ONE, triggered_by="")
    assert decision.allowed and decision.reason == "approved by ann"


@pytest.mark.parametrize(
    ("entries", "policy", "digest", "triggered_by", "why"),
    [
        ([], ONE, DIGEST, "", "0 of 1 approvals"),
        ([Record("approved")], ONE, "", "", "nobody was asked"),
        ([Record("approved", actor="mallory")], ONE, DIGEST, "", "'mallory' is not among the approvers"),
        ([Record("approved", actor="Ann")], ONE, DIGEST, "", "'Ann' is not among the approvers"),
        ([Record("approved", version=6)], ONE, DIGEST, "", "0 of 1"),
        ([Record("approved", details={"digest": "e" * 64})], ONE, DIGEST, "", "0 of 1"),
        ([Record("approved", details={})], ONE, DIGEST, "", "0 of 1"),
        ([Record("approved")], OTHERS, DIGEST, "ann", "ann started this training"),
        ([Record("approved"), Record("approved")], TWO, DIGEST, "", "1 of 2 approvals .* ann has approved already"),
        ([Record("approved")], TWO, DIGEST, "", "1 of 2"),
        ([Record("approved"), Record("voided", actor="guard", reason="p95")], ONE, DIGEST, "", "voided by guard: p95"),
        ([Record("superseded", reason="v8 is newer"), Record("approved")], ONE, DIGEST, "", "v8 is newer"),
        ([Record("verdict"), Record("approval_requested")], ONE, DIGEST, "", "0 of 1"),
    ],
)
def test_anything_less_is_not(entries, policy, digest, triggered_by, why):
    decision = approved(entries, 7, digest, policy, triggered_by)
    assert not decision.allowed
    assert re.search(why, decision.reason)


def test_two_different_people_are_two_approvals():
    decision = approved([Record("approved"), Record("approved", actor="cleo")], 7, DIGEST, TWO, triggered_by="")
    assert decision.allowed and decision.reason == "approved by ann and cleo"


def test_somebody_else_may_approve_what_ann_started_and_ann_may_reject_it():
    assert approved([Record("approved", actor="bob")], 7, DIGEST, OTHERS, triggered_by="ann").allowed
    assert not may_decide("ann", OTHERS, "ann").allowed
    assert may_decide("ann", OTHERS, "ann", answer="reject").allowed
    assert not may_decide("mallory", OTHERS, "ann", answer="reject").allowed


def test_an_approver_taken_off_the_list_counts_no_longer():
    later = ONE.model_copy(update={"approvers": ["bob"]})
    assert not approved([Record("approved", actor="ann")], 7, DIGEST, later, triggered_by="").allowed


people = st.sampled_from(["ann", "bob", "cleo", "mallory", ""])
records = st.lists(
    st.builds(
        Record,
        event=st.sampled_from(["approved", "verdict", "not_counted", *sorted(CLOSING)]),
        version=st.sampled_from([6, 7]),
        actor=people,
        details=st.sampled_from([{"digest": DIGEST}, {"digest": "e" * 64}, {}]),
    ),
    max_size=8,
)
policies = st.builds(
    Release,
    approvers=st.just(["ann", "bob", "cleo"]),
    approvals_required=st.sampled_from([1, 2]),
    trigger_may_approve=st.booleans(),
)


@given(records, policies, people)
def test_approved_means_enough_different_allowed_people_and_nothing_that_closes(entries, policy, triggered_by):
    valid = {e.actor for e in entries if e.event == "approved" and e.version == 7 and e.details == {"digest": DIGEST}}
    valid &= set(policy.approvers)
    if not policy.trigger_may_approve:
        valid -= {triggered_by}
    closed = any(e.event in CLOSING and e.version == 7 for e in entries)
    expected = len(valid) >= policy.approvals_required and not closed
    assert approved(entries, 7, DIGEST, policy, triggered_by).allowed == expected


@given(records, policies, people)
def test_the_order_of_approvals_does_not_matter(entries, policy, triggered_by):
    forward = approved(entries, 7, DIGEST, policy, triggered_by)
    backward = approved(entries[::-1], 7, DIGEST, policy, triggered_by)
    assert forward.allowed == backward.allowed
