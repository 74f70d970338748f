"""Leads one candidate through its release: enter, check, canary, verdict, ask, decide, promote.

The ledger comes first, then the registry's aliases; every action once, however often. Each action may be killed at any
point and be run again. Between the ledger's entry and the alias lies the only gap that matters, and
`ReleaseController.reconcile` closes it: the ledger says what should serve, the registry follows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from airworthy.model.contract import Condition
from airworthy.registry import tags
from airworthy.release import approvals, champion
from airworthy.release.check import check_version
from airworthy.release.decisions import approval, rules, state
from airworthy.release.decisions.approval import Decision
from airworthy.release.decisions.rules import OutOfOrder, ReleaseClosed
from airworthy.release.evidence import collect
from airworthy.release.evidence.document import Evidence
from airworthy.release.record import SYSTEM, ReleaseRecord

if TYPE_CHECKING:
    from airworthy.ledger.events import Entry
    from airworthy.ledger.ledger import Ledger
    from airworthy.registry.registry import Registry
    from airworthy.release.approvals import Response
    from airworthy.release.decisions.canary import Verdict
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.traffic.variants import VariantMeasurement


@dataclass(frozen=True)
class CheckReport:
    """What the model check found: ready for the canary or not, and each condition up to the first that fails."""

    release_id: str
    passed: bool
    reason: str
    conditions: tuple[Condition, ...] = ()


class ReleaseController:
    """The releases of one pipeline.

    Args:
        spec: the pipeline; its ``release`` section is the policy.
        registry: where models and aliases live.
        ledger: where every step is written down.
        settings: addresses, for links in the evidence.
    """

    def __init__(self, spec: PipelineSpec, registry: Registry, ledger: Ledger, settings: Settings) -> None:
        self.spec = spec
        self.registry = registry
        self.ledger = ledger
        self.settings = settings
        self._record = ReleaseRecord(spec.name, ledger)

    def release_id(self, version: int) -> str:
        """Name of the one release of a version."""
        return self._record.release_id(version)

    # ------------------------------------------------------------------ steps of a release

    def enter(self, version: int, *, triggered_by: str = "") -> tuple[int, ...]:
        """Enter the candidate. The first one of all finds a champion beside it; older ones that wait are superseded.

        Args:
            version: the candidate.
            triggered_by: who started the training; empty reads the version's tag.

        Returns:
            The versions it superseded.
        """
        known = self.registry.versions.tags(self.spec.name, version)
        triggered_by = triggered_by or known.get(tags.TRIGGERED_BY, "")
        champion.ensure(self._record, self.registry, self.spec, version)
        self._record.once(
            version, "candidate", triggered_by or SYSTEM, details={"tags": known, "triggered_by": triggered_by}
        )
        superseded = self._supersede(version)
        self.reconcile()
        return superseded

    def check(self, version: int) -> CheckReport:
        """Check the candidate's model against its contract; once it is passed or refused, it stays that.

        Raises:
            OutOfOrder: it has not entered.
            ReleaseClosed: it was decided while it was checked.
        """
        release_id = self.release_id(version)
        if closed := self.closed(version):
            return CheckReport(release_id, False, rules.in_words(closed), _conditions(closed))
        if passed := self._record.find(version, "staged"):
            return CheckReport(release_id, True, "every check passed", _conditions(passed))
        found = tuple(check_version(self.spec, self.registry, version))
        reason = "; ".join(f"{each.name}: {each.reason}" for each in found if not each.passed)
        self._record.once(
            version,
            "refused" if reason else "staged",
            SYSTEM,
            reason,
            {"checks": [asdict(each) for each in found]},
            rules.must_be_open(release_id),
        )
        return CheckReport(release_id, not reason, reason or "every check passed", found)

    def start_canary(self, version: int) -> Entry:
        """Give the candidate its share of the live traffic.

        Raises:
            OutOfOrder: its model check was not passed.
            ReleaseClosed: it is decided already.
        """
        entry = self._record.once(
            version,
            "canary_started",
            SYSTEM,
            details={"percent": self.spec.release.canary_percent},
            precondition=rules.must_be_open(self.release_id(version), after="staged"),
        )
        self.reconcile()
        rules.must_be_open(self.release_id(version))(self._record.entries())
        return entry

    def record_verdict(self, version: int, verdict: Verdict, measurements: Mapping[str, VariantMeasurement]) -> Entry:
        """Write down what the watched window showed; the first verdict stands.

        Args:
            measurements: by variant, ``challenger`` and ``champion``.
        """
        details = {"outcome": verdict.outcome, "measurements": _figures(measurements)}
        has_canary = rules.must_be_open(self.release_id(version), after="canary_started")
        return self._record.once(version, "verdict", SYSTEM, verdict.reason, details, has_canary)

    def evidence(self, version: int) -> Evidence:
        """What a person is to decide by; frozen once approval was requested.

        Raises:
            OutOfOrder: the canary's verdict is missing or is not "promote".
        """
        if requested := self._record.find(version, "approval_requested"):
            return Evidence.model_validate(requested.details["evidence"])
        entries = self._record.entries()
        rules.must_have_passed(self.release_id(version))(entries)
        return collect.collect(self.spec, self.settings, self.registry, version, entries)

    def request_approval(
        self, version: int, evidence: Evidence, *, dag_run: str = "", task_instance: str = ""
    ) -> Entry:
        """Write down that people were asked, and with which evidence; only answers to the first one count."""
        details = {
            "digest": evidence.digest,
            "evidence": evidence.model_dump(mode="json"),
            "dag_run": dag_run,
            "task_instance": task_instance,
        }
        reason = f"{self.spec.release.approvals_required} of {', '.join(self.spec.release.approvers)}"
        has_passed = rules.must_have_passed(self.release_id(version))
        return self._record.once(version, "approval_requested", SYSTEM, reason, details, has_passed)

    def record_response(self, version: int, response: Response) -> Decision:
        """Judge one person's answer and write it down; an answer that does not count is written down as that.

        Returns:
            Whether the answer counts. After a rejection that counts the canary has ended.
        """
        decision = approvals.record(self._record, self.spec.release, version, response)
        if decision.allowed:
            self.reconcile()
        return decision

    def record_timeout(self, version: int) -> Decision:
        """No answer in time is a no, unless enough people have approved already."""
        decision = approvals.time_out(self._record, self.spec.release, version)
        if decision.allowed:
            self.reconcile()
        return decision

    def promote(self, version: int) -> Entry:
        """Make the candidate the champion, if the ledger says that it may be.

        Raises:
            NotApproved: version, evidence and people do not add up to an approval by the policy.
            LedgerTampered: the ledger's chain is broken; nothing is promoted on its word.
        """
        if (done := self._record.find(version, "promoted")) is None:
            self.ledger.verify()
            release_id, entries = self.release_id(version), self._record.entries()
            digest = rules.requested_digest(entries, release_id)
            given = approval.approvals(entries, version, digest)
            names = " and ".join(dict.fromkeys(entry.actor for entry in given)) or SYSTEM
            details = {
                "digest": digest,
                "before": state.desired_state(entries).champion,
                "approvals": [{"user": entry.actor, "reason": entry.reason} for entry in given],
            }
            is_approved = approvals.must_be_given(release_id, version, self.spec.release)
            done = self._record.once(version, "promoted", names, "approved", details, is_approved)
        self.reconcile()
        return done

    def roll_back(self, version: int, actor: str = SYSTEM, reason: str = "") -> Entry | None:
        """End the candidate's canary; the champion stays. None when the version never became a candidate.

        Raises:
            ReleaseClosed: it was promoted; `restore` takes a champion back.
        """
        return self._end(version, "rolled_back", actor, reason, {})

    def void(
        self, version: int, actor: str, reason: str, measurements: Mapping[str, VariantMeasurement]
    ) -> Entry | None:
        """Close the request for approval and end the canary, because of what was measured meanwhile."""
        return self._end(version, "voided", actor, reason, {"measurements": _figures(measurements)})

    # ------------------------------------------------------------------ the champion

    def restore(self, to_version: int | None, actor: str, reason: str) -> Entry:
        """Put an earlier champion back, at once and without approval: it had one. Ends a running canary.

        Asked again after the registry was away, it finishes the way back that stands in the ledger already.

        Args:
            to_version: None for the one before the current champion.

        Raises:
            NothingToRestore: no champion before, or ``to_version`` never was the champion.
            RegistryAway: nothing was written, or what was written is finished by asking again.
        """
        begun = champion.unfinished_restore(self._record, self.registry) if to_version is None else None
        entry = begun or champion.restore(self._record, to_version, actor, reason)
        self.reconcile()
        return entry

    def reconcile(self) -> list[str]:
        """Make the registry say what the ledger says; what had to be changed, in words."""
        return champion.reconcile(self._record, self.registry)

    # ------------------------------------------------------------------ questions

    def closed(self, version: int) -> Entry | None:
        """The entry that ended the release, or None while it is open."""
        return self._record.closed(version)

    def decided(self, version: int) -> str | None:
        """In words what was decided: closed, or approved by enough people; None while it is undecided."""
        if closed := self.closed(version):
            return rules.in_words(closed)
        approved = approvals.given(self._record.entries(), self.release_id(version), version, self.spec.release)
        return approved.reason if approved.allowed else None

    def requested_at(self, version: int) -> datetime:
        """When approval was requested, UTC.

        Raises:
            OutOfOrder: it was not.
        """
        if (entry := self._record.find(version, "approval_requested")) is None:
            raise OutOfOrder(f"{self.release_id(version)}: nobody was asked for approval yet")
        return entry.time

    # ------------------------------------------------------------------ within

    def _end(
        self, version: int, event: Literal["rolled_back", "voided"], actor: str, reason: str, details: Mapping[str, Any]
    ) -> Entry | None:
        entry = self._record.find(version, event)
        if entry is None:
            if self._record.find(version, "candidate") is None:
                return None
            entry = self._record.once(
                version, event, actor, reason, details, rules.must_not_serve(self.release_id(version))
            )
        self.reconcile()
        return entry

    def _supersede(self, version: int) -> tuple[int, ...]:
        """Close the releases that a newer version overtakes; which others than this one were closed."""
        found = state.outdated(self._record.entries(), version)
        for entry, newer in found:
            is_open = rules.must_be_open(entry.release_id)
            with contextlib.suppress(ReleaseClosed):  # decided meanwhile: then there is nothing to supersede
                self._record.once(entry.version, "superseded", SYSTEM, f"v{newer} is newer", {"by": newer}, is_open)
        return tuple(entry.version for entry, _ in found if entry.version != version)


def _figures(measurements: Mapping[str, VariantMeasurement]) -> dict[str, dict[str, Any]]:
    return {variant: asdict(measured) for variant, measured in measurements.items()}


def _conditions(entry: Entry) -> tuple[Condition, ...]:
    return tuple(Condition(**each) for each in entry.details.get("checks", ()))
