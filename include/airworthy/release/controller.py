"""Leads one candidate through its release: ledger first, then the registry's aliases; every action once, however often.

Each action may be killed at any point and be run again. Between the ledger's entry and the alias lies the only gap
that matters, and `ReleaseController.reconcile` closes it: the ledger says what should serve, the registry follows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from airworthy.errors import Final
from airworthy.release import champion
from airworthy.release import check as contract
from airworthy.release.champion import NothingToRestore
from airworthy.release.decisions import approval, rules, state
from airworthy.release.decisions.approval import Decision
from airworthy.release.decisions.rules import OutOfOrder, ReleaseClosed
from airworthy.release.evidence import collect
from airworthy.release.evidence.document import Evidence
from airworthy.release.record import SYSTEM, ReleaseRecord

if TYPE_CHECKING:
    from airworthy.ledger.events import Entry, Event
    from airworthy.ledger.ledger import Ledger
    from airworthy.registry.registry import Registry
    from airworthy.release.decisions.canary import Verdict
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.traffic.variants import VariantMeasurement

__all__ = ["NotApproved", "NothingToRestore", "OutOfOrder", "ReleaseClosed", "ReleaseController", "StageReport"]


class NotApproved(Final):
    """The ledger holds no sufficient approval of this version with this evidence."""


@dataclass(frozen=True)
class StageReport:
    """What staging found: ready for the canary or not, each check, and whom the candidate superseded."""

    release_id: str
    ok: bool
    reason: str
    checks: tuple[contract.Check, ...] = ()
    superseded: tuple[int, ...] = ()


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

    def stage(self, version: int, *, triggered_by: str = "") -> StageReport:
        """Enter the candidate, supersede older ones that wait, and check the model's contract.

        Args:
            version: the candidate.
            triggered_by: who started the training; empty reads the version's tag ``airworthy.triggered_by``.
        """
        tags = self.registry.version_tags(self.spec.name, version)
        triggered_by = triggered_by or tags.get("airworthy.triggered_by", "")
        champion.ensure(self._record, self.registry, self.spec, version)
        self._record.once(
            version, "candidate", triggered_by or SYSTEM, details={"tags": tags, "triggered_by": triggered_by}
        )
        superseded = self._supersede(version)
        self.reconcile()
        if closed := self.closed(version):
            checks = tuple(contract.Check(**check) for check in closed.details.get("checks", ()))
            return StageReport(self.release_id(version), False, rules.said(closed), checks, superseded)
        if self._record.find(version, "staged") is None:
            checks = tuple(contract.check_version(self.spec, self.registry, version))
            details = {"checks": [asdict(check) for check in checks]}
            if failed := [check for check in checks if not check.passed]:
                reason = "; ".join(f"{check.name}: {check.reason}" for check in failed)
                self._record.once(
                    version, "refused", SYSTEM, reason, details, check=rules.must_be_open(self.release_id(version))
                )
                return StageReport(self.release_id(version), False, reason, checks, superseded)
            self._record.once(
                version, "staged", SYSTEM, "", details, check=rules.must_be_open(self.release_id(version))
            )
        else:
            found = self._record.find(version, "staged")
            checks = tuple(contract.Check(**check) for check in (found.details["checks"] if found else ()))
        return StageReport(self.release_id(version), True, "every check passed", checks, superseded)

    def start_canary(self, version: int) -> Entry:
        """Give the candidate its share of the live traffic.

        Raises:
            OutOfOrder: it was not staged.
            ReleaseClosed: it is decided already.
        """
        entry = self._record.once(
            version,
            "canary_started",
            SYSTEM,
            details={"percent": self.spec.release.canary_percent},
            check=rules.must_be_open(self.release_id(version), after="staged"),
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
        check = rules.must_be_open(self.release_id(version), after="canary_started")
        return self._record.once(version, "verdict", SYSTEM, verdict.reason, details, check=check)

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
        check = rules.must_have_passed(self.release_id(version))
        return self._record.once(version, "approval_requested", SYSTEM, reason, details, check=check)

    def record_decision(
        self,
        version: int,
        *,
        digest: str,
        user: str,
        decision: Literal["approve", "reject"],
        reason: str = "",
        task_id: str = "",
    ) -> Decision:
        """Judge one person's answer and write it down; an answer that does not count is written down as that.

        Args:
            digest: of the evidence the person saw.
            user: as Airflow authenticated them.
            task_id: the task that asked; makes the second run of a killed task the same answer.

        Returns:
            Whether the answer counts. After a rejection that counts the canary has ended.
        """
        event: Event = "approved" if decision == "approve" else "rejected"
        key = f"{self.release_id(version)}:{event}"
        if event == "approved":
            key = f"{key}:{user}:{digest[:16]}:{task_id}"
        elif (found := self._record.find(version, "rejected")) is not None and found.actor == user:
            self.reconcile()
            return Decision(True, "recorded already")

        check = rules.may_answer(self.release_id(version), digest, user, decision, self.spec.release)
        details = {"digest": digest, "task_id": task_id}
        try:
            self._record.append(version, event, user, reason, details, key, check)
        except rules.DoesNotCount as no:
            key = f"{self.release_id(version)}:not_counted:{user}:{decision}:{digest[:16]}:{task_id}"
            details = {**details, "answer": decision, "said": reason}
            self._record.append(version, "not_counted", user, no.message, details, key, None)
            return Decision(False, no.message)
        self.reconcile()
        return Decision(True, f"{event} by {user}")

    def record_timeout(self, version: int) -> Decision:
        """No answer in time is a no, unless enough people have approved already."""
        entries = self._record.entries()
        if (approved := self._approved(entries, version)).allowed:
            return Decision(False, approved.reason)

        hours = self.spec.release.approval_timeout_hours
        check = rules.must_be_open(self.release_id(version), after="approval_requested")
        self._record.once(version, "timed_out", SYSTEM, f"nobody answered within {hours:g} h", check=check)
        self.reconcile()
        return Decision(True, "timed out")

    def promote(self, version: int) -> Entry:
        """Make the candidate the champion, if the ledger says that it may be.

        Raises:
            NotApproved: version, evidence and people do not add up to an approval by the policy.
            LedgerTampered: the ledger's chain is broken; nothing is promoted on its word.
        """
        if (done := self._record.find(version, "promoted")) is None:
            self.ledger.verify()
            entries = self._record.entries()
            digest = rules.requested_digest(entries, self.release_id(version))
            given = approval.approvals(entries, version, digest)
            names = " and ".join(dict.fromkeys(entry.actor for entry in given)) or SYSTEM

            def check(entries: Sequence[Entry]) -> None:
                decision = self._approved(entries, version)
                if not decision.allowed:
                    raise NotApproved(
                        f"{self.release_id(version)} may not be promoted: {decision.reason}",
                        next_step="answer in Required Actions, or `airworthy approve`; docs/runbook.md#not-approved",
                    )

            details = {
                "digest": digest,
                "before": state.desired_state(entries).champion,
                "approvals": [{"user": entry.actor, "reason": entry.reason} for entry in given],
            }
            done = self._record.once(version, "promoted", names, "approved", details, check=check)
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

        Args:
            to_version: None for the one before the current champion.

        Raises:
            NothingToRestore: no champion before, or ``to_version`` never was the champion.
        """
        entry = champion.restore(self._record, to_version, actor, reason)
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
            return rules.said(closed)
        approved = self._approved(self._record.entries(), version)
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

    def _approved(self, entries: Sequence[Entry], version: int) -> Decision:
        release_id = self.release_id(version)
        if (closed := state.closing_entry(entries, release_id)) is not None:
            return Decision(False, rules.said(closed))
        return approval.approved(
            [entry for entry in entries if entry.release_id == release_id],
            version,
            rules.requested_digest(entries, release_id),
            self.spec.release,
            rules.triggered_by(entries, release_id),
        )

    def _supersede(self, version: int) -> tuple[int, ...]:
        """Close the releases that a newer version overtakes; which others than this one were closed."""
        found = state.outdated(self._record.entries(), version)
        for entry, newer in found:
            check = rules.must_be_open(entry.release_id)
            with contextlib.suppress(ReleaseClosed):  # decided meanwhile: then there is nothing to supersede
                self._record.once(entry.version, "superseded", SYSTEM, f"v{newer} is newer", {"by": newer}, check)
        return tuple(entry.version for entry, _ in found if entry.version != version)


def _figures(measurements: Mapping[str, VariantMeasurement]) -> dict[str, dict[str, Any]]:
    return {variant: asdict(measured) for variant, measured in measurements.items()}
