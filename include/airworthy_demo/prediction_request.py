"""Where predictions are asked for, and one request as a line for a shell."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from airworthy_cluster.private_files import write_private

if TYPE_CHECKING:
    from airworthy.settings import Settings


def predict_url(settings: Settings, pipeline: str) -> str:
    """The address that answers prediction requests for a pipeline."""
    return f"{settings.serving_url.rstrip('/')}/v1/models/{pipeline}:predict"


def curl_line(settings: Settings, pipeline: str, instance: dict[str, Any]) -> str:
    """A prediction request as one line that works as it stands, in any folder and behind any proxy.

    The token is in a file that only its owner can read and the line only names that file: neither the screen, nor the
    shell's history, nor the list of processes shows it.

    Args:
        settings: the service's address and token; the file is written below ``settings.home``.
        pipeline: the model that is asked.
        instance: what to predict for, as the service takes it.
    """
    headers = settings.home.resolve() / "secrets" / "predict.headers"
    write_private(headers, f"Authorization: Bearer {settings.serving_token}\nContent-Type: application/json\n")
    body = json.dumps({"instances": [instance]}, separators=(",", ":"))
    options = ["--noproxy", "*", "-w", r"\n", "-H", f"@{headers}", "-d", body]
    return shlex.join(["curl", "-sS", predict_url(settings, pipeline), *options])
