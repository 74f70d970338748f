"""Airflow's users in the embedded stack: generated once, kept privately, renewed on request."""

from __future__ import annotations

import json
import stat

import pytest

from airworthy_local.credentials import Keys
from airworthy_local.users import ROLES, UnknownUser, Users


@pytest.fixture
def users(tmp_path):
    return Users(tmp_path / "airflow" / "passwords.json")


def test_passwords_are_made_once(users):
    first = users.ensure()
    assert [each.user for each in first] == ["admin", "approver"]
    assert users.ensure() == []
    assert [users.credentials(each.user) for each in first] == first
    assert len({each.password for each in first}) == 2


def test_the_file_is_what_airflow_reads_and_nobody_else_may(users):
    users.ensure()
    assert stat.S_IMODE(users.path.stat().st_mode) == 0o600
    assert json.loads(users.path.read_text()) == {name: users.credentials(name).password for name in ROLES}


def test_a_reset_changes_one_password_and_keeps_the_other(users):
    users.ensure()
    before = users.credentials("admin"), users.credentials("approver")
    [changed] = users.reset(["approver"])
    assert users.credentials("admin") == before[0]
    assert users.credentials("approver") == changed != before[1]


def test_forgotten_passwords_are_made_anew(users):
    users.ensure()
    users.forget(["admin"])
    assert [each.user for each in users.ensure()] == ["admin"]


def test_an_unknown_user_is_named_with_those_there_are(users):
    with pytest.raises(UnknownUser, match=r"'root'[\s\S]*admin, approver"):
        users.reset(["root"])


def test_before_the_first_start_the_error_says_how_to_start(users):
    with pytest.raises(UnknownUser, match="airworthy up"):
        users.credentials("admin")


def test_the_approver_cannot_read_connections():
    # the simple auth manager's order: viewer < user < op < admin; connections need op
    assert ROLES["approver"] == "user"


def test_keys_are_made_once_and_private(tmp_path):
    path = tmp_path / "secrets" / "keys.json"
    keys = Keys.load_or_make(path)
    assert Keys.load_or_make(path) == keys
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(set(vars(keys).values())) == 4


def test_the_fernet_key_is_one(tmp_path):
    from cryptography.fernet import Fernet

    fernet = Fernet(Keys.load_or_make(tmp_path / "keys.json").fernet)
    assert fernet.decrypt(fernet.encrypt(b"password")) == b"password"
