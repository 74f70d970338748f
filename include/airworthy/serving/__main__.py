"""Starts the inference service: ``python -m airworthy.serving``."""

from __future__ import annotations

import logging
import sys
from typing import Annotated

import typer
import uvicorn

from airworthy.errors import AirworthyError
from airworthy.lake.lake import Lake
from airworthy.registry.registry import Registry
from airworthy.serving.answer.champion import FeatureReader
from airworthy.serving.http.app import Router, create_app
from airworthy.serving.http.credentials import require
from airworthy.serving.service import Service
from airworthy.settings import Settings, from_environment
from airworthy.spec.pipeline import PipelineSpec

#: Python lets a thread compute for this long before another one may: at the usual 5 ms, an answer that is ready
#: waits that long for the event loop.
SWITCH_SECONDS = 0.0005


def build(settings: Settings) -> Router:
    """The application on this deployment's registry, online store and lake.

    Raises:
        AirworthyError: no token, or nothing to serve.
    """
    require(settings.serving_token)  # before libraries that take seconds
    from airworthy.features.online.store import OnlineStore

    def features(spec: PipelineSpec) -> FeatureReader:
        return OnlineStore(spec, settings)

    service = Service.build(settings, registry=Registry(settings.mlflow_url), features=features, lake=Lake.of(settings))
    return create_app(service, token=settings.serving_token)


def run(app: Router, host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C; then answer what is under way, and write the prediction log."""
    sys.setswitchinterval(SWITCH_SECONDS)
    uvicorn.run(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )


def main(
    host: Annotated[str, typer.Option(help="Address to listen on; only this machine by default.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8600,
) -> None:
    """Serve every pipeline's champion, and the candidate on trial, over HTTP. Settings come from AIRWORTHY_*."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # each retry while the registry is away
    try:
        app = build(from_environment())
    except AirworthyError as error:
        typer.echo(f"airworthy.serving: {error}", err=True)
        raise typer.Exit(2) from error
    run(app, host, port)


if __name__ == "__main__":
    typer.run(main)
