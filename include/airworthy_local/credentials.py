"""The stack's secrets: made once, kept in files that only their owner can read."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from airworthy_cluster.private_files import write_private


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
