"""The stack's secrets: made once, kept in files that only their owner can read."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Write a file in one step, readable by its owner only from the first moment on."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


@dataclass(frozen=True)
class Keys:
    """What the stack's processes share.

    Attributes:
        fernet: encrypts connections in Airflow's database; lost with it, so keep them together.
        api_secret: signs sessions of Airflow's API server.
        jwt_secret: signs the tokens of Airflow's API and of running tasks.
        serving_token: bearer token of the serving service.
    """

    fernet: str
    api_secret: str
    jwt_secret: str
    serving_token: str

    @classmethod
    def load_or_make(cls, path: Path) -> Keys:
        """The keys kept in a file, made at the first call."""
        if path.exists():
            return cls(**json.loads(path.read_text()))
        keys = cls(
            fernet=base64.urlsafe_b64encode(os.urandom(32)).decode(),
            api_secret=secrets.token_urlsafe(32),
            jwt_secret=secrets.token_urlsafe(48),
            serving_token=secrets.token_urlsafe(24),
        )
        write_private(path, json.dumps(vars(keys), indent=1))
        return keys
