"""The training pod's command: becomes DeepSpeed's launcher with the processes of the spec's profile."""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import sys
from collections.abc import Mapping

from airworthy.errors import AirworthyError
from airworthy.settings import Settings, from_environment
from airworthy.spec import folders
from airworthy.spec.pipeline import PipelineSpec
from airworthy.spec.training import Profile

#: A registry that restarts in the middle of a training should not cost the training: about a minute.
PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "6"}


def main(arguments: list[str] | None = None) -> int:
    """Replace this process by the launcher, so that signals and the exit status are the launcher's own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", required=True, help="name of the folder below the pipelines folder")
    parser.add_argument("--train-run", required=True, help="Airflow's run id; a second pod with the same resumes")
    parser.add_argument("--features-version", required=True, type=int, help="Delta version of features/training")
    options = parser.parse_args(arguments)
    settings = from_environment()
    try:
        spec = folders.load(settings.pipelines, options.pipeline)
    except AirworthyError as error:
        print(error, file=sys.stderr)
        return 1
    command = launcher(spec, settings, options.train_run, options.features_version, os.environ)
    sys.stdout.flush()
    os.execve(command[0], command, environment(spec.training.resources, os.environ))


def launcher(
    spec: PipelineSpec,
    settings: Settings,
    train_run: str,
    features_version: int,
    inherited: Mapping[str, str],
) -> list[str]:
    """DeepSpeed's launcher of one node's processes, which the ``deepspeed`` command would start after importing torch.

    The processes meet in a file, not at a port: torch's store would listen on every network interface.
    """
    folder = settings.home / "training"
    folder.mkdir(parents=True, exist_ok=True)
    world = {"localhost": devices(spec.training.resources, inherited.get("CUDA_VISIBLE_DEVICES"))}
    return [
        sys.executable,
        *("-m", "deepspeed.launcher.launch"),
        f"--world_info={base64.urlsafe_b64encode(json.dumps(world).encode()).decode()}",
        "--log_level=error",
        "--module",
        "airworthy.training.worker",
        *("--pipeline", spec.name),
        *("--train-run", train_run),
        *("--features-version", str(features_version)),
        *("--rendezvous", str(folder / f"rendezvous-{secrets.token_hex(8)}")),
    ]


def devices(profile: Profile, visible: str | None) -> list[int]:
    """One entry for each process: the GPUs that the node gave this pod, or numbers without meaning on CPUs."""
    given = [int(number) for number in (visible or "").split(",") if number.strip().isdigit()]
    count = profile.gpus or profile.processes
    return given[:count] if profile.gpus and len(given) >= count else list(range(count))


def environment(profile: Profile, inherited: Mapping[str, str]) -> dict[str, str]:
    """What the training processes see: which accelerator, and no more threads than the profile asks cores for."""
    added = {"OMP_NUM_THREADS": str(max(1, int(cores(profile.cpu) / max(profile.gpus, profile.processes))))}
    if not profile.gpus:
        added["DS_ACCELERATOR"] = "cpu"
        added["GLOO_SOCKET_IFNAME"] = "lo"
    return {**PATIENCE, **inherited, **added}


def cores(quantity: str) -> float:
    """Kubernetes' CPU quantity in cores: "2", "0.5", "500m"."""
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


if __name__ == "__main__":
    sys.exit(main())
