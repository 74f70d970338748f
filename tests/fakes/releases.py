"""Releases to try things on: a controller with a memory registry and a real ledger."""

from __future__ import annotations

from pathlib import Path

from fake_registry import FakeRegistry
from small_models import SPEC

from airworthy.ledger.events import release_id
from airworthy.ledger.ledger import Ledger
from airworthy.release.approvals import Response
from airworthy.release.controller import ReleaseController
from airworthy.release.decisions.canary import Verdict
from airworthy.settings import Settings
from airworthy.traffic.variants import VariantMeasurement

MEASURED = {
    "challenger": VariantMeasurement(requests=103, errors=0, p95_ms=8.5),
    "champion": VariantMeasurement(requests=1950, errors=1, p95_ms=8.1),
}
PROMOTE = Verdict("promote", "0 errors in 103 requests")


class Releases:
    """A controller with a memory registry and a real ledger, and short cuts through a release."""

    def __init__(self, folder: Path, spec=SPEC) -> None:
        self.folder = folder
        self.registry = FakeRegistry(folder / "models", spec)
        self.ledger = Ledger(f"sqlite:///{folder / 'ledger.db'}")
        self.control = ReleaseController(spec, self.registry, self.ledger, Settings(home=folder))

    def candidate(self, version, **tags):
        self.registry.add(version, **tags)
        self.control.enter(version)
        return self.control.check(version)

    def watched(self, version, verdict=PROMOTE, **tags):
        assert self.candidate(version, **tags).passed
        self.control.start_canary(version)
        self.control.record_verdict(version, verdict, MEASURED)

    def asked(self, version, **tags):
        self.watched(version, **tags)
        evidence = self.control.evidence(version)
        self.control.request_approval(version, evidence, dag_run=release_id("flights", version))
        return evidence.digest

    def answer(self, version, digest, user="ann", decision="approve", task_id="approve", reason=""):
        response = Response(user=user, answer=decision, digest=digest, reason=reason, task_id=task_id)
        return self.control.record_response(version, response)

    def promoted(self, version, **tags):
        digest = self.asked(version, **tags)
        assert self.answer(version, digest).allowed
        return self.control.promote(version)

    def events(self, version=None):
        only = None if version is None else release_id("flights", version)
        return [entry.event for entry in self.ledger.entries(release_id=only)]

    def serving(self):
        state = self.registry.aliases.serving_state("flights")
        return state.champion, state.challenger, state.canary_percent, state.release_id
