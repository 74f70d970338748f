"""A candidate's check before its canary: the contract, and on top the time that the policy gives it."""

import itertools
from types import SimpleNamespace

from small_models import SPEC, Defect, spec_with, write

from airworthy.release.check import check_model, check_version


def failed(conditions):
    return [(each.name, each.reason) for each in conditions if not each.passed]


def test_a_sound_model_passes_the_contract_and_is_fast_enough(tmp_path):
    conditions = check_model(write(tmp_path), SPEC)
    assert failed(conditions) == []
    assert conditions[-1].name == "latency"


def test_a_model_that_breaks_the_contract_is_not_timed(tmp_path):
    conditions = check_model(write(tmp_path, Defect(guard_nan=False)), SPEC)
    assert [name for name, _ in failed(conditions)] == ["answers"] == [conditions[-1].name]


def test_a_model_slower_than_the_policy_allows_is_refused(tmp_path):
    ticks = itertools.count(step=0.05)  # every answer takes 50 ms
    conditions = check_model(write(tmp_path), spec_with(max_p95_ms=40), clock=lambda: next(ticks))
    [(name, reason)] = failed(conditions)
    assert name == "latency" and reason == "p95 50.00 ms for one row, 40 ms allowed"


def test_the_version_of_the_registry_is_checked(tmp_path):
    class Packages:
        def download(self, name, version, to):
            assert (name, version) == (SPEC.name, 7)
            return write(to / "files", Defect(output="late"))

    assert [name for name, _ in failed(check_version(SPEC, SimpleNamespace(packages=Packages()), 7))] == ["output"]
