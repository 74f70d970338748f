"""A candidate's way through its release: in order, once, and whole again after being killed at any point."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from fake_registry import Killed
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from releases import MEASURED, PROMOTE, Releases
from small_models import spec_with

from airworthy.ledger.ledger import LedgerTampered
from airworthy.release.approvals import NotApproved
from airworthy.release.champion import NothingToRestore
from airworthy.release.decisions.canary import Verdict
from airworthy.release.decisions.rules import OutOfOrder, ReleaseClosed
from airworthy.release.decisions.state import desired_state
from airworthy.traffic.variants import VariantMeasurement


def test_a_candidate_goes_all_the_way_to_champion_and_every_step_is_in_the_ledger(releases):
    assert releases.candidate(2).passed
    assert releases.serving() == (1, None, 0.0, None)  # the baseline, until a person says otherwise
    releases.control.start_canary(2)
    assert releases.serving() == (1, 2, 5.0, "flights-v2")
    releases.control.record_verdict(2, PROMOTE, MEASURED)
    evidence = releases.control.evidence(2)
    releases.control.request_approval(2, evidence)
    assert releases.answer(2, evidence.digest, reason="looks good").allowed
    assert releases.serving() == (1, 2, 5.0, "flights-v2")
    entry = releases.control.promote(2)
    assert releases.serving() == (2, None, 0.0, None)
    assert entry.actor == "ann" and entry.details["before"] == 1
    assert entry.details["approvals"] == [{"user": "ann", "reason": "looks good"}]
    assert releases.events(2) == [
        "candidate",
        "staged",
        "canary_started",
        "verdict",
        "approval_requested",
        "approved",
        "promoted",
    ]
    assert releases.ledger.served_at("flights", entry.time) == (2, entry)


def test_a_model_that_breaks_its_contract_never_gets_traffic(releases):
    releases.registry.broken[3] = {"guard_nan": False}
    report = releases.candidate(3)
    assert not report.passed and "found nan" in report.reason
    assert releases.events(3) == ["candidate", "refused"]
    with pytest.raises(ReleaseClosed, match="refused"):
        releases.control.start_canary(3)
    again = releases.control.check(3)
    assert not again.passed and again.conditions == report.conditions
    assert releases.serving() == (1, None, 0.0, None)


def test_steps_cannot_be_skipped(releases):
    releases.registry.add(2)
    with pytest.raises(OutOfOrder, match="flights-v2 is not staged yet"):
        releases.control.start_canary(2)
    assert releases.candidate(2).passed
    with pytest.raises(OutOfOrder, match="not canary_started"):
        releases.control.record_verdict(2, PROMOTE, MEASURED)
    with pytest.raises(OutOfOrder, match="not verdict"):
        releases.control.evidence(2)
    with pytest.raises(OutOfOrder, match="nobody was asked"):
        releases.control.requested_at(2)
    with pytest.raises(NotApproved, match="nobody was asked"):
        releases.control.promote(2)


def test_a_check_that_ran_once_is_not_run_again(releases):
    assert releases.candidate(2).passed
    releases.registry.broken[2] = {"guard_nan": False}  # and would fail now
    report = releases.control.check(2)
    assert report.passed and report.conditions[0].name == "files"
    assert releases.events(2) == ["candidate", "staged"]


@pytest.mark.parametrize("outcome", ["unclear", "rollback"])
def test_nobody_is_asked_about_a_canary_that_did_not_pass(releases, outcome):
    releases.watched(2, Verdict(outcome, "only 12 requests"))
    with pytest.raises(OutOfOrder, match=f"found {outcome}: only 12 requests"):
        releases.control.evidence(2)


def test_promotion_without_an_approval_is_refused_and_moves_nothing(releases):
    releases.asked(2)
    with pytest.raises(NotApproved, match="0 of 1 approvals"):
        releases.control.promote(2)
    assert releases.serving() == (1, 2, 5.0, "flights-v2")


def test_the_evidence_people_saw_stays_as_it_was(releases):
    digest = releases.asked(2)
    releases.registry.tags[2]["airworthy.code_version"] = "something else"
    assert releases.control.evidence(2).digest == digest


def test_a_breach_while_people_decide_voids_even_a_given_approval(releases):
    digest = releases.asked(2)
    assert releases.answer(2, digest).allowed
    slow = {**MEASURED, "challenger": VariantMeasurement(400, 30, 900.0)}
    releases.control.void(2, "guard", "30 errors in 400 requests", slow)
    assert releases.serving() == (1, None, 0.0, None)
    with pytest.raises(NotApproved, match="voided by guard: 30 errors"):
        releases.control.promote(2)


def test_a_newer_candidate_supersedes_an_older_one_that_waits(releases):
    digest = releases.asked(2)
    releases.registry.add(3)
    assert releases.control.enter(3) == (2,)
    assert releases.serving() == (1, None, 0.0, None)
    assert not releases.answer(2, digest).allowed
    with pytest.raises(NotApproved, match="v3 is newer"):
        releases.control.promote(2)
    assert releases.control.closed(2).details["by"] == 3


def test_an_approved_version_cannot_be_promoted_over_a_newer_champion(releases):
    releases.answer(2, releases.asked(2))  # approved, and its promotion never ran
    releases.promoted(3)
    with pytest.raises(NotApproved, match="superseded"):
        releases.control.promote(2)
    assert releases.serving()[0] == 3


def test_a_candidate_older_than_the_champion_goes_no_further(releases):
    releases.promoted(3)
    report = releases.candidate(2)
    assert not report.passed and "v3 is newer" in report.reason
    assert releases.serving()[0] == 3


def test_rolling_back_a_promoted_version_says_what_to_do_instead(releases):
    releases.promoted(2)
    with pytest.raises(ReleaseClosed, match="airworthy rollback"):
        releases.control.roll_back(2)
    assert releases.serving()[0] == 2


def test_rolling_back_what_never_was_a_candidate_does_nothing(releases):
    assert releases.control.roll_back(9) is None
    assert releases.events() == []


def test_a_ledger_that_was_tampered_with_promotes_nothing(releases):
    import sqlalchemy as sa

    releases.asked(2)
    engine = sa.create_engine(f"sqlite:///{releases.folder / 'ledger.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER airworthy_ledger_no_UPDATE")
        connection.exec_driver_sql("UPDATE airworthy_ledger SET event = 'approved' WHERE event = 'candidate'")
    engine.dispose()
    with pytest.raises(LedgerTampered):
        releases.control.promote(2)


@pytest.mark.parametrize("calls", range(8))
@pytest.mark.parametrize("step", ["enter", "check", "canary", "reject", "promote", "restore"])
def test_a_step_killed_at_any_write_to_the_registry_is_finished_by_running_it_again(releases, step, calls):
    releases.promoted(2)
    releases.registry.add(3)
    control = releases.control

    def prepare():
        if step != "enter":
            control.enter(3)
        if step not in ("enter", "check"):
            control.check(3)
        if step in ("reject", "promote", "restore"):
            control.start_canary(3)
            control.record_verdict(3, PROMOTE, MEASURED)
            control.request_approval(3, control.evidence(3))
        if step == "promote":
            releases.answer(3, control.evidence(3).digest)

    run = {
        "enter": lambda: control.enter(3),
        "check": lambda: control.check(3),
        "canary": lambda: control.start_canary(3),
        "reject": lambda: releases.answer(3, control.evidence(3).digest, decision="reject"),
        "promote": lambda: control.promote(3),
        "restore": lambda: control.restore(1, "ann", "back"),
    }[step]
    prepare()
    releases.registry.calls_left = calls
    with contextlib.suppress(Killed):
        run()
    releases.registry.calls_left = None
    run()
    once = (releases.serving(), releases.events())
    run()
    assert (releases.serving(), releases.events()) == once
    expected = {"canary": (2, 3, 5.0, "flights-v3"), "promote": (3, None, 0.0, None), "restore": (1, None, 0.0, None)}
    assert releases.serving() == expected.get(step, (2, None, 0.0, None))


class KilledAnywhere(RuleBasedStateMachine):
    """Any order of steps on three candidates, each killed anywhere; after `reconcile` the registry says what the
    ledger says, nobody serves without an approval, and no step is in the ledger twice."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="aw-machine-"))
        self.releases = Releases(self.folder, spec_with(trigger_may_approve=False))
        for version in (2, 3, 4):
            self.releases.registry.add(version, triggered_by="bob" if version == 3 else "")

    def teardown(self) -> None:
        self.releases.ledger.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule(
        version=st.sampled_from([2, 3, 4]),
        step=st.sampled_from(
            ["enter", "check", "canary", "watch", "ask", "approve", "reject", "timeout", "void", "promote", "roll_back"]
        ),
        user=st.sampled_from(["ann", "bob", "mallory"]),
        killed_after=st.none() | st.integers(0, 5),
    )
    def step(self, version, step, user, killed_after):
        control = self.releases.control

        def digest():
            return control.evidence(version).digest

        actions = {
            "enter": lambda: control.enter(version),
            "check": lambda: control.check(version),
            "canary": lambda: control.start_canary(version),
            "watch": lambda: control.record_verdict(version, PROMOTE, MEASURED),
            "ask": lambda: control.request_approval(version, control.evidence(version)),
            "approve": lambda: self.releases.answer(version, digest(), user=user),
            "reject": lambda: self.releases.answer(version, digest(), user=user, decision="reject"),
            "timeout": lambda: control.record_timeout(version),
            "void": lambda: control.void(version, "guard", "slow", MEASURED),
            "promote": lambda: control.promote(version),
            "roll_back": lambda: control.roll_back(version),
        }
        self._run(actions[step], killed_after)

    @rule(
        version=st.sampled_from([2, 3, 4]),
        until=st.integers(2, 7),
        killed_after=st.none() | st.integers(0, 3),
    )
    def several_steps_in_order(self, version, until, killed_after):
        control = self.releases.control
        steps = [
            lambda: control.enter(version),
            lambda: control.check(version),
            lambda: control.start_canary(version),
            lambda: control.record_verdict(version, PROMOTE, MEASURED),
            lambda: control.request_approval(version, control.evidence(version)),
            lambda: self.releases.answer(version, control.evidence(version).digest),
            lambda: control.promote(version),
        ]
        for number, action in enumerate(steps[:until]):
            self._run(action, killed_after if number == until - 1 else None)

    @precondition(lambda self: len(self.releases.ledger.entries()) > 6)
    @rule(to_version=st.sampled_from([None, 1, 2, 3, 4]), killed_after=st.none() | st.integers(0, 3))
    def restore(self, to_version, killed_after):
        self._run(lambda: self.releases.control.restore(to_version, "ann", "back"), killed_after)

    @rule(alias=st.sampled_from(["champion", "challenger"]), version=st.sampled_from([2, 3, 4]))
    def somebody_moves_an_alias_by_hand(self, alias, version):
        if self.releases.events():
            self.releases.registry.pointers[alias] = version

    def _run(self, action, killed_after):
        self.releases.registry.calls_left = killed_after
        try:
            action()
        except (Killed, OutOfOrder, ReleaseClosed, NotApproved, NothingToRestore):
            pass
        finally:
            self.releases.registry.calls_left = None

    @invariant()
    def the_registry_follows_the_ledger(self):
        self.releases.control.reconcile()
        wanted = desired_state(self.releases.ledger.entries("flights"))
        assert self.releases.serving() == (
            wanted.champion,
            wanted.challenger,
            wanted.canary_percent,
            wanted.release_id,
        )

    @invariant()
    def only_approved_versions_serve(self):
        entries = self.releases.ledger.entries("flights")
        for position, entry in enumerate(entries):
            if entry.event == "promoted":
                before = [e for e in entries[:position] if e.release_id == entry.release_id]
                assert {e.actor for e in before if e.event == "approved"} & {"ann", "bob"}
                assert not [e for e in before if e.event in ("rejected", "voided", "superseded", "rolled_back")]
                assert all(e.actor != "bob" or e.version != 3 for e in before if e.event == "approved")

    @invariant()
    def every_step_is_written_once_and_the_chain_is_whole(self):
        entries = self.releases.ledger.entries()
        assert self.releases.ledger.verify() == len(entries)
        for event in ("candidate", "staged", "canary_started", "verdict", "promoted", "bootstrapped", "rejected"):
            ids = [e.release_id for e in entries if e.event == event]
            assert len(ids) == len(set(ids))


TestKilledAnywhere = KilledAnywhere.TestCase
TestKilledAnywhere.settings = settings(
    max_examples=25, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)
