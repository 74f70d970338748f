"""One training process, started by DeepSpeed's launcher: reads the snapshot, trains, and logs the model to MLflow."""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import os
import platform
import shutil
import signal
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airworthy.code_version import code_version
from airworthy.errors import AirworthyError
from airworthy.model.encoder import Encoder
from airworthy.registry import tags as names
from airworthy.registry.registry import Registry
from airworthy.settings import from_environment
from airworthy.spec import folders
from airworthy.training import dataset
from airworthy.training.tracking import TrackedRun

if TYPE_CHECKING:
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.training.dataset import Snapshot
    from airworthy.training.loop import Arrays, Epoch, Fit, Place
    from airworthy.training.network import Network

PARITY_ROWS = 256


def main(arguments: list[str] | None = None) -> int:
    """Train, or say that this training is finished; 1 with a message and a next step when it cannot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pipeline", required=True)
    parser.add_argument("--train-run", required=True)
    parser.add_argument("--features-version", required=True, type=int)
    parser.add_argument("--meeting-point", required=True, help="a file that does not exist yet, the same for all ranks")
    parser.add_argument("--local_rank", type=int, default=0, help="given by DeepSpeed's launcher")
    options = parser.parse_args(arguments)
    _die_with_parent()
    settings = from_environment()
    try:
        spec = folders.load(settings.pipelines, options.pipeline)
        run = TrackedRun(Registry(settings.mlflow_url), spec.name, options.train_run)
        if run.finished:
            _say(f"run {run.run_id} of {options.train_run!r} has its model already: nothing to do")
            run.close()
            return 0
        _say(f"training {spec.name} on features version {options.features_version}")
        snapshot = dataset.load(spec, settings, options.features_version)
        try:
            _train(spec, settings, run, snapshot, options.meeting_point)
        except AirworthyError:
            run.close(failed=True)
            raise
    except AirworthyError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _train(spec: PipelineSpec, settings: Settings, run: TrackedRun, snapshot: Snapshot, meeting_point: str) -> None:
    columns = dataset.features(spec, snapshot.train)
    encoder = Encoder.fit(spec, columns)
    train = _arrays(encoder, columns, dataset.labels(spec, snapshot.train))
    validation = _arrays(
        encoder, dataset.features(spec, snapshot.validation), dataset.labels(spec, snapshot.validation)
    )
    _say(
        f"{snapshot.train.num_rows:,} training, {snapshot.validation.num_rows:,} validation and "
        f"{snapshot.holdout.num_rows:,} holdout rows (from {snapshot.holdout_from:%Y-%m-%d})"
    )
    import torch

    from airworthy.training.loop import Fit
    from airworthy.training.network import Core, Network, Scaling

    place = _meet(spec, settings, run, meeting_point)
    if place.rank == 0:
        run.open(_tags(spec, settings, snapshot))
        run.log_params(_params(spec, place, snapshot, encoder))
    torch.manual_seed(spec.training.seed)
    scaling = Scaling(len(encoder.numeric)).fit(train.numeric)
    core = Core(encoder.cardinalities, scaling.outputs, spec.training)
    fit = Fit(spec.training, scaling, core, place, _fingerprint(spec, snapshot, encoder, place))

    def on_epoch(epoch: Epoch) -> None:
        if place.rank == 0:
            _say(
                f"epoch {epoch.epoch + 1}/{spec.training.epochs}: train loss {epoch.train_loss:.4f}, validation log "
                f"loss {epoch.validation_log_loss:.4f}, ROC AUC {epoch.validation_roc_auc:.4f}, "
                f"{epoch.samples_per_second:,.0f} samples/s"
            )
            run.log_epochs(fit.history)

    best = fit.run(train, validation, on_epoch)
    if place.rank == 0:
        run.log_epochs(fit.history)
        core.load_state_dict(best)
        _log(run, Network(scaling.cpu(), core.float().cpu()), encoder, columns, train, fit)
        shutil.rmtree(place.work, ignore_errors=True)
        run.close()
        _say(f"logged the model of epoch {fit.best_epoch + 1} to MLflow run {run.run_id}")
    import torch.distributed

    torch.distributed.destroy_process_group()
    if place.rank == 0:
        Path(meeting_point).unlink(missing_ok=True)


def _meet(spec: PipelineSpec, settings: Settings, run: TrackedRun, meeting_point: str) -> Place:
    import deepspeed
    import torch

    from airworthy.training.loop import Place

    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    gpus = spec.training.resources.gpus
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if gpus else torch.device("cpu")
    if gpus:
        torch.cuda.set_device(device)
    # compiled at run time: a minute, a compiler in the image, and a gain only between processes on CPUs
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(
        dist_backend="nccl" if gpus else "gloo",
        auto_mpi_discovery=False,
        verbose=False,
        init_method=f"file://{meeting_point}",
        rank=rank,
        world_size=world,
    )
    key = hashlib.sha256(f"{settings.mlflow_url}\n{run.train_run}".encode()).hexdigest()[:16]
    return Place(rank, world, device, settings.home / "training" / f"{spec.name}-{key}")


def _arrays(encoder: Encoder, columns: dict[str, Any], labels: Any) -> Arrays:
    from airworthy.training.loop import Arrays

    return Arrays(*encoder.encode(columns), labels)


def _log(run: TrackedRun, network: Network, encoder: Encoder, columns: dict[str, Any], train: Arrays, fit: Fit) -> None:
    """Everything about the model; the model itself comes last, since it says that the rest is there."""
    from safetensors.torch import save_file

    from airworthy.model import reference
    from airworthy.training import plots
    from airworthy.training.export import to_onnx

    step = max(1, train.labels.size // PARITY_ROWS)
    model = to_onnx(network, train.categorical[::step], train.numeric[::step])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "weights").mkdir()
        save_file(
            {name: tensor.contiguous() for name, tensor in network.state_dict().items()},
            folder / "weights" / "network.safetensors",
        )
        (folder / "preprocessing.json").write_text(encoder.to_json(), encoding="utf-8")
        document = reference.describe(columns, encoder.categorical, encoder.numeric)
        (folder / "reference.json").write_text(json.dumps(document), encoding="utf-8")
        plots.training_curve(fit.history, folder / "plots" / "training.png")
        run.log_folder(folder)
    run.log_metrics(
        {
            "best_epoch": float(fit.best_epoch),
            "samples_per_second_mean": sum(e.samples_per_second for e in fit.history) / len(fit.history),
        }
    )
    run.registry.packages.log(run.run_id or "", model, encoder)


def _tags(spec: PipelineSpec, settings: Settings, snapshot: Snapshot) -> dict[str, str]:
    return {
        names.KIND: "candidate",
        names.DATA_VERSION: str(snapshot.version),
        names.RAW_VERSIONS: dataset.raw_versions(spec, settings, snapshot.version),
        names.DATA_UNTIL: snapshot.data_until.isoformat(),
        names.CODE_VERSION: code_version(),
    }


def _params(spec: PipelineSpec, place: Place, snapshot: Snapshot, encoder: Encoder) -> dict[str, Any]:
    options = spec.training.model_dump(exclude={"profiles"})
    return {
        **options,
        "world_size": place.world,
        "device": _device_name(place),
        "precision": str(place.precision).removeprefix("torch."),
        "python": platform.python_version(),
        **{package: version(package) for package in ("torch", "deepspeed", "onnx")},
        "train_rows": snapshot.train.num_rows,
        "validation_rows": snapshot.validation.num_rows,
        "holdout_from": snapshot.holdout_from.isoformat(),
        "cardinalities": dict(zip(encoder.categorical, encoder.cardinalities, strict=True)),
    }


def _device_name(place: Place) -> str:
    import torch

    if place.device.type == "cuda":
        return str(torch.cuda.get_device_name(place.device))
    return f"cpu, {torch.get_num_threads()} threads, {platform.machine()}"


def _fingerprint(spec: PipelineSpec, snapshot: Snapshot, encoder: Encoder, place: Place) -> str:
    parts = [
        spec.training.model_dump_json(exclude={"profiles", "timeout_minutes", "image"}),
        encoder.to_json(),
        str((snapshot.version, snapshot.train.num_rows, snapshot.data_until, place.world, str(place.precision))),
        code_version(),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _die_with_parent() -> None:
    """When the launcher is killed with -9, do not go on training beside the pod's next try (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG


def _say(text: str) -> None:
    if os.environ.get("RANK", "0") == "0":
        print(text, flush=True)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # everything is written; taking torch's and MLflow's modules down would take another 2 s
