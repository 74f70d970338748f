"""Runs one step of a DAG in a shell: ``python -m airworthy.steps ingest --pipeline flight_delays``.

Addresses come from the environment (`airworthy env` prints the embedded stack's).
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airworthy.errors import AirworthyError
from airworthy.settings import from_environment
from airworthy.spec import folders
from airworthy.steps import data, release, train

if TYPE_CHECKING:
    from airworthy.release.controller import ReleaseController
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec

Step = Callable[["PipelineSpec", "Settings", argparse.Namespace], Any]


def _of_release(step: Callable[[ReleaseController, int], Any]) -> Step:
    return lambda spec, settings, given: step(release.controller(spec, settings), given.version)


#: By name: what a DAG's task of that name does.
STEPS: dict[str, Step] = {
    "ingest": lambda spec, settings, _: data.ingest(spec, settings),
    "validate-publish": lambda spec, settings, _: data.publish(spec, settings, data.validate(spec, settings)),
    "materialise": lambda spec, settings, _: data.materialise(spec, settings),
    "snapshot": lambda spec, settings, _: train.snapshot(spec, settings)["version"],
    "gates": lambda spec, settings, given: train.gates(spec, settings, given.train_run),
    "register": lambda spec, settings, given: train.register(spec, settings, given.train_run, {}),
    "check": _of_release(release.check),
    "canary": _of_release(release.start_canary),
    "promote": _of_release(release.promote),
    "roll-back": _of_release(release.roll_back),
    "report": _of_release(release.report),
}


def main() -> None:
    """Run one step in a shell."""
    parser = argparse.ArgumentParser(prog="python -m airworthy.steps", description=__doc__)
    parser.add_argument("step", choices=sorted(STEPS))
    parser.add_argument("--pipeline", required=True, help="a folder's name below include/pipelines")
    parser.add_argument("--train-run", default="", help="for gates and register: the training's name")
    parser.add_argument("--version", type=int, default=0, help="for the release's steps: the candidate's version")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    settings = from_environment()
    spec = folders.load(settings.pipelines, arguments.pipeline)
    try:
        print(json.dumps(STEPS[arguments.step](spec, settings, arguments), default=str))
    except AirworthyError as error:
        sys.exit(f"{arguments.step}: {error}")


if __name__ == "__main__":
    main()
