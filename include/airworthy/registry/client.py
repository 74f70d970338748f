"""One MLflow server: its own client, set up to give up in seconds, and what its errors mean."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from airworthy.errors import AirworthyError, Away

if TYPE_CHECKING:
    from mlflow import MlflowClient


class RegistryAway(Away):
    """MLflow does not answer; the same call can be made again later."""


class NotInRegistry(AirworthyError):
    """There is no such run, model or version."""


class Server:
    """One MLflow server. Nothing is sent before the first call.

    Args:
        url: e.g. ``http://127.0.0.1:5500``.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    @cached_property
    def client(self) -> MlflowClient:
        """MLflow's own client; use it within `talking`."""
        return _mlflow_client(self.url)

    @contextmanager
    def talking(self) -> Iterator[None]:
        """Turns "no answer" of any of MLflow's layers into `RegistryAway`.

        Connection refused is noticed within about 5 s, a silent server within about 30 s (10 s and two more tries;
        ``MLFLOW_HTTP_REQUEST_*`` overrides).
        """
        try:
            yield
        except Exception as error:
            if isinstance(error, AirworthyError) or not is_away(error):
                raise
            raise RegistryAway(
                f"MLflow at {self.url} does not answer: {str(error)[:300]}",
                next_step="see whether it runs (`airworthy status`), then try again; docs/runbook.md#registry-away",
            ) from error


def _mlflow_client(url: str) -> MlflowClient:
    """A client that gives up in seconds; MLflow reads these limits from the environment at every request."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")  # the source of a run is in our own tags
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow import MlflowClient

    _leave_out_feasts_plugin()
    return MlflowClient(tracking_uri=url, registry_uri=url)


def _leave_out_feasts_plugin() -> None:
    """Keep Feast's MLflow plugin, which we do not use, from importing Feast and torch at the first request.

    Feast 0.67 registers a provider of request headers, and MLflow loads all of them when it first sends anything:
    8 s of CPU in every process that talks to the registry.
    """
    import importlib

    from mlflow.utils import plugins

    every = plugins._get_entry_points
    plugins._get_entry_points = lambda group: [p for p in every(group) if not p.value.startswith("feast.")]
    try:
        importlib.import_module("mlflow.tracking.request_header.registry")  # registers what is there, once
    finally:
        plugins._get_entry_points = every


def is_away(error: Exception) -> bool:
    """Does this error of MLflow's, or of what lies below it, mean that the server does not answer?"""
    import requests
    from mlflow.exceptions import MlflowException

    if isinstance(error, requests.HTTPError):
        return error.response is not None and error.response.status_code >= 500
    if isinstance(error, requests.RequestException | ConnectionError):
        return True
    if isinstance(error, MlflowException):
        # MLflow wraps everything that goes wrong below HTTP into this text
        return str(error).startswith("API request to ") and (
            "failed with exception" in str(error)
            or "timeout exception" in str(error)
            or any(f"error code {code}" in str(error) for code in (502, 503, 504))
        )
    return False


def quoted(value: str) -> str:
    """A string in MLflow's filter language, which has no escapes."""
    if "'" in value and '"' in value:
        raise ValueError(f"{value!r} contains both kinds of quotes and cannot be searched for")
    return f'"{value}"' if "'" in value else f"'{value}'"
