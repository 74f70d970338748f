"""Approvers are user names under FAB too, whose user ids are row numbers."""

from types import SimpleNamespace

import pytest

pytest.importorskip("airflow.providers.fab")


@pytest.fixture
def manager():
    from airworthy_airflow.auth import NamedApproversAuthManager

    return NamedApproversAuthManager.__new__(NamedApproversAuthManager)  # the rule needs no database


def test_an_approver_is_known_by_user_name(manager):
    approver = SimpleNamespace(id=7, username="approver")
    assert manager.is_authorized_hitl_task(assigned_users={"approver"}, user=approver)


def test_a_user_whose_row_number_equals_an_approvers_name_is_somebody_else(manager):
    other = SimpleNamespace(id=7, username="mallory")
    assert not manager.is_authorized_hitl_task(assigned_users={"7", "approver"}, user=other)
