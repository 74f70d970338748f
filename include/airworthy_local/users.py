"""Who may sign in to the embedded stack's Airflow, and their generated passwords."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from airworthy.errors import AirworthyError
from airworthy_cluster.private_files import write_private

#: Airflow user -> role of its simple auth manager. `user` is the least role that may answer required actions: `viewer`
#: only reads, and `op` could read connections and so the lake's keys.
ROLES = {"admin": "admin", "approver": "user"}


class UnknownUser(AirworthyError):
    """There is no Airflow user of that name in the embedded stack."""


@dataclass(frozen=True)
class Credentials:
    """Name, role and password of one Airflow user."""

    user: str
    role: str
    password: str


class Users:
    """The passwords file of Airflow's simple auth manager.

    Airflow reads it at every sign-in, so a new password counts at once.

    Args:
        path: the file, JSON by user name; created with mode 0600.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def ensure(self) -> list[Credentials]:
        """Give every user a password that has none.

        Returns:
            Those that are new, to be shown once.
        """
        return self.reset(name for name in ROLES if name not in self._read())

    def reset(self, names: Iterable[str]) -> list[Credentials]:
        """Give users new passwords.

        Raises:
            UnknownUser: one of the names is not in ``ROLES``.
        """
        passwords = self._read()
        changed = [_known(name) for name in names]
        passwords |= {name: secrets.token_urlsafe(12) for name in changed}
        if changed:
            write_private(self.path, json.dumps(passwords) + "\n")
        return [Credentials(name, ROLES[name], passwords[name]) for name in changed]

    def forget(self, names: Iterable[str]) -> None:
        """Take users' passwords away again, e.g. those that were never shown."""
        dropped = set(names)
        write_private(self.path, json.dumps({k: v for k, v in self._read().items() if k not in dropped}) + "\n")

    def credentials(self, name: str) -> Credentials:
        """Name, role and password of a user.

        Raises:
            UnknownUser: no such user, or the stack was never started.
        """
        password = self._read().get(_known(name))
        if password is None:
            raise UnknownUser(f"{name!r} has no password yet in {self.path}", next_step="airworthy up")
        return Credentials(name, ROLES[name], password)

    def _read(self) -> dict[str, str]:
        return json.loads(self.path.read_text()) if self.path.exists() else {}


def _known(name: str) -> str:
    if name not in ROLES:
        raise UnknownUser(f"no Airflow user {name!r} here", next_step=f"one of: {', '.join(ROLES)}")
    return name


def as_airflow_setting() -> str:
    """The users as ``[core] simple_auth_manager_users`` wants them."""
    return ",".join(f"{name}:{role}" for name, role in ROLES.items())
