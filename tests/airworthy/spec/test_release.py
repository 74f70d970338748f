"""The release section: who may let a candidate pass."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from airworthy.spec.release import Release


def test_two_approvals_need_two_people() -> None:
    assert Release(approvals_required=2, approvers=["ann", "bob"]).approvals_required == 2
    with pytest.raises(ValidationError, match="2 approvals need as many different approvers"):
        Release(approvals_required=2, approvers=["ann", "ann"])
