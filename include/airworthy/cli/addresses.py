"""Where a command finds what it speaks to: the environment, and what that leaves out from a stack that exists here.

Nothing here starts, makes or changes anything; a machine without a stack needs nothing of `airworthy_local`.
"""

from __future__ import annotations

import os
from typing import Literal

from airworthy.errors import AirworthyError
from airworthy.settings import STACK_RECORD, Settings

#: What a command can ask for.
Address = Literal["lake", "mlflow_url", "ledger_url"]
EXAMPLES: dict[str, str] = {
    "AIRWORTHY_LAKE": "s3://bucket/lake",
    "AIRWORTHY_MLFLOW_URL": "http://mlflow:5000",
    "AIRWORTHY_LEDGER_URL": "postgresql+psycopg://user@host/airworthy",
    "AIRWORTHY_AIRFLOW_URL": "http://airflow:8080",
}


class NoAddress(AirworthyError):
    """The environment does not say where something is, and no stack runs here that would."""


def fill_from_stack() -> None:
    """Set those ``AIRWORTHY_*`` variables that are not set to the stack in AIRWORTHY_HOME, if one was ever started."""
    if not (Settings().home / STACK_RECORD).exists():
        return
    from airworthy_local.stack import Stack

    for variable, value in Stack().own_environment().items():
        if variable.startswith("AIRWORTHY_"):
            os.environ.setdefault(variable, value)


def settings(*needed: Address) -> Settings:
    """The settings of this process, in which the ``needed`` ones do not stand on a default.

    Raises:
        NoAddress: names the variables that are not set.
    """
    for address in needed:
        variable(f"AIRWORTHY_{address.upper()}")
    return Settings()


def variable(name: str) -> str:
    """An address from the environment.

    Raises:
        NoAddress: it is not set.
    """
    if value := os.environ.get(name):
        return value
    raise NoAddress(
        f"{name} is not set, and no stack was ever started in {Settings().home}",
        next_step=f"export {name}, e.g. {EXAMPLES[name]}; or `airworthy up`; docs/runbook.md#no-address",
    )
