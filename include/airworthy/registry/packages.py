"""Model files in the registry: one ONNX file and its preprocessing.json, packed with a signature and fetched."""

from __future__ import annotations

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airworthy.model.bundle import CATEGORICAL, MODEL_FILE, NUMERIC, PREPROCESSING_FILE
from airworthy.registry import tags as names

if TYPE_CHECKING:
    from onnx import ModelProto

    from airworthy.model.encoder import Encoder
    from airworthy.model.kinds.base import Kind
    from airworthy.registry.client import Server
    from airworthy.registry.versions import Versions


class Packages:
    """The model files on one MLflow server."""

    def __init__(self, server: Server, versions: Versions) -> None:
        self._server = server
        self._versions = versions

    def log(self, run_id: str, model: ModelProto, encoder: Encoder, kind: Kind) -> str:
        """Log the model to its run, in one piece, and mark the run as complete with the tag `MODEL_ID`.

        Whatever a killed attempt left (a logged model that the tag does not name) is removed first.

        Returns:
            MLflow's id of the logged model; its address is ``models:/<id>``.
        """
        import mlflow.onnx
        from mlflow.entities import LoggedModelOutput
        from mlflow.models import Model

        client = self._server.client
        with self._server.talking():
            run = client.get_run(run_id)
            experiment_id = run.info.experiment_id
            for unfinished in _logged_models(client, experiment_id, run_id):
                client.delete_logged_model(unfinished.model_id)
            # step by step with the client: mlflow.onnx.log_model works on the process's global server and active run
            tags = {k: v for k, v in run.data.tags.items() if k.startswith(names.PREFIX)}
            logged = client.create_logged_model(experiment_id, "model", source_run_id=run_id, tags=tags)
            with tempfile.TemporaryDirectory() as temporary:
                preprocessing = Path(temporary) / PREPROCESSING_FILE
                preprocessing.write_text(encoder.to_json(), encoding="utf-8")
                mlflow.onnx.save_model(
                    model,
                    str(Path(temporary) / "model"),
                    mlflow_model=Model(run_id=run_id, model_id=logged.model_id),
                    signature=_signature(encoder, kind),
                    input_example=_example(encoder),
                    # MLflow would otherwise load the model in a process of its own to find out
                    pip_requirements=[
                        f"{package}=={version(package)}" for package in ("onnxruntime", "numpy", "mlflow")
                    ],
                    save_as_external_data=False,
                    onnx_execution_providers=["CPUExecutionProvider"],
                    extra_files=[str(preprocessing)],
                )
                client.log_model_artifacts(logged.model_id, str(Path(temporary) / "model"))
            client.finalize_logged_model(logged.model_id, "READY")
            client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
            client.set_tag(run_id, names.MODEL_ID, logged.model_id)
        return str(logged.model_id)

    def download(self, name: str, version: int, to: Path) -> Path:
        """Fetch the model's two files, and nothing else (no pickle), into a folder below ``to``.

        A folder that is there already is complete and is returned as it is: versions do not change.

        Returns:
            ``<to>/<name>-v<version>-<model id>``, holding ``model.onnx`` and ``preprocessing.json``.

        Raises:
            NotInRegistry: no such version.
        """
        model_id = self._versions.get(name, version).model_id
        folder = to / f"{name}-v{version}-{model_id}"
        if not folder.exists():
            self.fetch(model_id, folder)
        return folder

    def fetch(self, model_id: str, folder: Path) -> None:
        """Put ``model.onnx`` and ``preprocessing.json`` of a logged model into ``folder``, all or nothing."""
        import mlflow.artifacts

        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as temporary, self._server.talking():
            # not by models:/<id>: MLflow looks such addresses up in the process's global registry, not in this one
            location = self._server.client.get_logged_model(model_id).artifact_location
            ready = Path(temporary) / "ready"
            ready.mkdir()
            for path in (MODEL_FILE, f"extra_files/{PREPROCESSING_FILE}"):
                local = mlflow.artifacts.download_artifacts(
                    artifact_uri=f"{location}/{path}", dst_path=temporary, tracking_uri=self._server.url
                )
                shutil.move(local, ready / Path(path).name)
            try:
                ready.rename(folder)
            except OSError:
                if not folder.exists():  # else another process was faster, with the same files
                    raise


def _logged_models(client: Any, experiment_id: str, run_id: str) -> list[Any]:
    return list(client.search_logged_models([experiment_id], filter_string=f"source_run_id = '{run_id}'"))


def _signature(encoder: Encoder, kind: Kind) -> Any:
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    return ModelSignature(
        inputs=Schema(
            [
                TensorSpec(np.dtype(np.int64), (-1, len(encoder.categorical)), CATEGORICAL),
                TensorSpec(np.dtype(np.float32), (-1, len(encoder.numeric)), NUMERIC),
            ]
        ),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1,), kind.output)]),
    )


def _example(encoder: Encoder) -> dict[str, Any]:
    import numpy as np

    return {
        CATEGORICAL: np.zeros((2, len(encoder.categorical)), np.int64),
        NUMERIC: np.zeros((2, len(encoder.numeric)), np.float32),
    }
