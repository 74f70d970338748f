"""Where commands find what they speak to: the environment first, then a stack that exists here, never a default."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from airworthy.cli import addresses
from airworthy.cli.addresses import NoAddress
from airworthy.settings import STACK_RECORD
from airworthy_local import stack as local_stack

OF_THE_STACK = {
    "AIRWORTHY_LEDGER_URL": "sqlite:////stack/ledger.db",
    "AIRWORTHY_LAKE": "/stack/lake",
    "AIRFLOW_HOME": "/stack/airflow",
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A home without a stack, and an environment without addresses; both as they were afterwards."""
    for name in [name for name in os.environ if name.startswith("AIRWORTHY_")]:
        monkeypatch.delenv(name)
    for name in OF_THE_STACK:
        monkeypatch.setenv(name, "")  # so that what the code sets is taken back
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRWORTHY_HOME", str(tmp_path))
    monkeypatch.setattr(local_stack, "Stack", lambda: SimpleNamespace(own_environment=lambda: OF_THE_STACK))
    return tmp_path


def test_a_stack_that_exists_fills_in_what_the_environment_leaves_out(home, monkeypatch):
    (home / STACK_RECORD).write_text("{}")
    monkeypatch.setenv("AIRWORTHY_LAKE", "s3://elsewhere/lake")
    addresses.fill_from_stack()
    found = addresses.settings("lake", "ledger_url")
    assert (found.lake, found.ledger_url) == ("s3://elsewhere/lake", "sqlite:////stack/ledger.db")
    assert "AIRFLOW_HOME" not in os.environ


def test_without_a_stack_nothing_is_filled_in_and_no_default_is_taken(home):
    addresses.fill_from_stack()
    with pytest.raises(NoAddress, match="AIRWORTHY_LEDGER_URL is not set") as missing:
        addresses.settings("ledger_url")
    assert "airworthy up" in str(missing.value.next_step)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("address", ["lake", "mlflow_url", "ledger_url"])
def test_every_address_a_command_can_ask_for_has_an_example(address):
    with pytest.raises(NoAddress, match=f"AIRWORTHY_{address.upper()}"):
        addresses.settings(address)
