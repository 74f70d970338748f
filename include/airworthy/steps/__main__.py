"""Runs one step of `data` or `train` in a shell: ``python -m airworthy.steps ingest --pipeline flight_delays``.

Addresses come from the environment (`airworthy env` prints the embedded stack's).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable
from typing import Any

from airworthy.errors import AirworthyError
from airworthy.settings import from_environment
from airworthy.spec import folders
from airworthy.steps import data, train


def main() -> None:
    """Run one step in a shell."""
    parser = argparse.ArgumentParser(prog="python -m airworthy.steps", description=__doc__)
    parser.add_argument("step", choices=["ingest", "validate-publish", "materialise", "snapshot", "gates", "register"])
    parser.add_argument("--pipeline", required=True, help="a folder's name below include/pipelines")
    parser.add_argument("--train-run", default="", help="for gates and register: the training's name")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    settings = from_environment()
    spec = folders.load(settings.pipelines, arguments.pipeline)
    chosen: dict[str, Callable[[], Any]] = {
        "ingest": lambda: data.ingest(spec, settings),
        "validate-publish": lambda: data.publish(spec, settings, data.validate(spec, settings)),
        "materialise": lambda: data.materialise(spec, settings),
        "snapshot": lambda: train.snapshot(spec, settings)["version"],
        "gates": lambda: train.gates(spec, settings, arguments.train_run),
        "register": lambda: train.register(spec, settings, arguments.train_run, {}),
    }
    try:
        print(json.dumps(chosen[arguments.step](), default=str))
    except AirworthyError as error:
        sys.exit(f"{arguments.step}: {error}")


if __name__ == "__main__":
    main()
