"""Who may use the cluster: one random token, in a kubeconfig that only its owner can read."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from pathlib import Path

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from airworthy_cluster.errors import ApiError
from airworthy_cluster.private_files import write_private

#: A supervisor may ask these without a token; they say nothing but "ok".
OPEN_PATHS = frozenset({"/healthz", "/livez", "/readyz"})


def token(home: Path) -> str:
    """The cluster's token: made once, the same after every restart."""
    path = home / "token"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32))
    return path.read_text()


def write_kubeconfig(path: Path, url: str, bearer: str, authority: Path) -> None:
    """Write the file that kubectl and Airflow's connection read (JSON is YAML too)."""
    trusted = base64.b64encode(authority.read_bytes()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "airworthy", "cluster": {"server": url, "certificate-authority-data": trusted}}],
        "users": [{"name": "airworthy", "user": {"token": bearer}}],
        "contexts": [
            {"name": "airworthy", "context": {"cluster": "airworthy", "user": "airworthy", "namespace": "default"}}
        ],
        "current-context": "airworthy",
        "preferences": {},
    }
    write_private(path, json.dumps(config, indent=2) + "\n")


class RequireToken:
    """Lets only requests with the token through: pods run commands, so nobody else may make any."""

    def __init__(self, app: ASGIApp, bearer: str) -> None:
        self._app = app
        self._expected = f"Bearer {bearer}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in OPEN_PATHS:
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not hmac.compare_digest(given, self._expected):
                refusal = ApiError(
                    401, "Unauthorized", "the bearer token is missing or wrong; use the cluster's kubeconfig"
                )
                await JSONResponse(refusal.status(), 401)(scope, receive, send)
                return
        await self._app(scope, receive, send)
