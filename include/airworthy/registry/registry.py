"""The model registry (MLflow): versions, the aliases that say what serves, and model files."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from airworthy.errors import AirworthyError
from airworthy.model.bundle import MODEL_FILE, PREPROCESSING_FILE
from airworthy.registry.client import NotInRegistry, quoted
from airworthy.registry.runs import Runs
from airworthy.registry.tags import CANARY_PERCENT, GATES, KIND, MODEL_ID, PREFIX, RELEASE_ID
from airworthy.traffic.serving_state import ServingState

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

    from airworthy.spec.pipeline import PipelineSpec

Alias = Literal["champion", "challenger"]


class NotRegistrable(AirworthyError):
    """The run may not become a version: it has no finished model, or its gates were not passed."""


@dataclass(frozen=True)
class Version:
    """One registered version: the MLflow run that made it, and its tags."""

    name: str
    version: int
    run_id: str
    model_id: str
    tags: dict[str, str] = field(default_factory=dict)


class Registry(Runs):
    """The models of one MLflow server, and its training runs. Nothing is sent before the first call.

    Every method raises `RegistryAway` when the server does not answer.

    Args:
        url: e.g. ``http://127.0.0.1:5500``.
    """

    # versions --------------------------------------------------------------------------------------------------

    def register(self, pipeline: str, train_run: str, tags: Mapping[str, str] | None = None) -> int:
        """Make the run's model a version of the registered model; the same train run gives the same version.

        The version carries the run's ``airworthy.*`` tags and ``tags``, whichever attempt it was made by.

        Raises:
            NotInRegistry: no such run.
            NotRegistrable: the training is not complete, or a candidate's gates were not passed.
        """
        run = self.run(pipeline, train_run)
        run_tags = {k: v for k, v in run.data.tags.items() if k.startswith(PREFIX)}
        if not (model_id := run_tags.get(MODEL_ID)):
            raise NotRegistrable(
                f"run {run.info.run_id} of {pipeline!r} has no finished model (tag {MODEL_ID})",
                next_step="let the train task finish; trying it again resumes the same run",
            )
        if run_tags.get(KIND) == "candidate" and run_tags.get(GATES) != "passed":
            raise NotRegistrable(
                f"run {run.info.run_id} of {pipeline!r}: tag {GATES} is {run_tags.get(GATES)!r}, expected 'passed'",
                next_step=f"look at gates.json of {self.run_page(run.info.experiment_id, run.info.run_id)}",
            )
        wanted = {k: v for k, v in {**run_tags, **(tags or {})}.items() if k not in (MODEL_ID, GATES)}
        if not (versions := self._versions_of(pipeline, run.info.run_id)):
            self._create_registered_model(pipeline)
            with self.talking():
                self.client.create_model_version(
                    pipeline, f"models:/{model_id}", run_id=run.info.run_id, tags=wanted, model_id=model_id
                )
            versions = self._versions_of(pipeline, run.info.run_id)
        first, *copies = versions
        with self.talking():
            for copy in copies:  # a request whose answer was lost and that the HTTP client sent again
                self.client.delete_model_version(pipeline, copy.version)
        version = int(first.version)
        self.set_version_tags(pipeline, version, {k: v for k, v in wanted.items() if first.tags.get(k) != v})
        return version

    def register_baseline(
        self,
        spec: PipelineSpec,
        rate: float,
        *,
        train_run: str = "baseline",
        kind: str = "baseline",
        tags: Mapping[str, str] | None = None,
    ) -> int:
        """Register a model that always answers ``rate``; with the same ``train_run``, always the same version.

        Raises:
            ValueError: ``rate`` is not a probability.
        """
        from airworthy.model.constant import constant_model
        from airworthy.model.encoder import Encoder
        from airworthy.registry.packages import log_model

        if not 0 <= rate <= 1:
            raise ValueError(f"rate must lie between 0 and 1, found {rate}")
        run_id = self.open_run(spec.name, train_run, {KIND: kind, **(tags or {})})
        with self.talking():
            run = self.client.get_run(run_id)
            if MODEL_ID not in run.data.tags:
                encoder = Encoder.fit(spec, {})
                log_model(self, run_id, constant_model(encoder, rate), encoder)
                self.client.set_terminated(run_id)
            if kind == "candidate" and GATES not in run.data.tags:
                self.client.set_tag(run_id, GATES, "passed")
        return self.register(spec.name, train_run, tags)

    def version(self, name: str, version: int) -> Version:
        """One version with its tags.

        Raises:
            NotInRegistry: no such version.
        """
        found = self._get_version(name, version)
        return Version(name, int(found.version), found.run_id or "", _model_id(found), dict(found.tags))

    def version_tags(self, name: str, version: int) -> dict[str, str]:
        """The tags of a version.

        Raises:
            NotInRegistry: no such version.
        """
        return self.version(name, version).tags

    def set_version_tags(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        """Set these tags of a version, leaving the others."""
        with self.talking():
            for key, value in tags.items():
                self.client.set_model_version_tag(name, str(version), key, value)

    def download(self, name: str, version: int, to: Path) -> Path:
        """Fetch the model's two files, and nothing else (no pickle), into a folder below ``to``.

        A folder that is there already is complete and is returned as it is: versions do not change.

        Returns:
            ``<to>/<name>-v<version>-<model id>``, holding ``model.onnx`` and ``preprocessing.json``.

        Raises:
            NotInRegistry: no such version.
        """
        found = self._get_version(name, version)
        folder = to / f"{name}-v{version}-{_model_id(found)}"
        if not folder.exists():
            self.fetch(_model_id(found), folder)
        return folder

    def fetch(self, model_id: str, folder: Path) -> None:
        """Put ``model.onnx`` and ``preprocessing.json`` of a logged model into ``folder``, all or nothing."""
        import mlflow.artifacts

        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as temporary, self.talking():
            # not by models:/<id>: MLflow looks such addresses up in the process's global registry, not in this one
            location = self.client.get_logged_model(model_id).artifact_location
            ready = Path(temporary) / "ready"
            ready.mkdir()
            for path in (MODEL_FILE, f"extra_files/{PREPROCESSING_FILE}"):
                local = mlflow.artifacts.download_artifacts(
                    artifact_uri=f"{location}/{path}", dst_path=temporary, tracking_uri=self.url
                )
                shutil.move(local, ready / Path(path).name)
            try:
                ready.rename(folder)
            except OSError:
                if not folder.exists():  # else another process was faster, with the same files
                    raise

    # what serves -----------------------------------------------------------------------------------------------

    def serving_state(self, name: str) -> ServingState:
        """Aliases and canary share, in one request; all None if the model is not registered."""
        model = self._model(name)
        if model is None:
            return ServingState()
        aliases = {alias: int(version) for alias, version in model.aliases.items()}
        challenger, percent = aliases.get("challenger"), model.tags.get(CANARY_PERCENT)
        return ServingState(
            champion=aliases.get("champion"),
            challenger=challenger,
            canary_percent=float(percent) if percent and challenger is not None else 0.0,
            release_id=model.tags.get(RELEASE_ID),
        )

    def alias(self, name: str, alias: Alias) -> int | None:
        """The version an alias points to, or None."""
        model = self._model(name)
        version = model.aliases.get(alias) if model else None
        return None if version is None else int(version)

    def set_alias(self, name: str, alias: Alias, version: int) -> None:
        """Point an alias to a version."""
        with self.talking():
            self.client.set_registered_model_alias(name, alias, str(version))

    def delete_alias(self, name: str, alias: Alias) -> None:
        """Remove an alias; nothing happens if there is none."""
        if self.alias(name, alias) is not None:
            with self.talking():
                self.client.delete_registered_model_alias(name, alias)

    def set_canary(self, name: str, release_id: str, percent: float) -> None:
        """Give the challenger this share of traffic, in percent."""
        with self.talking():
            # the share last: until it is there, a poller that reads in between sends the challenger nothing
            self.client.set_registered_model_tag(name, RELEASE_ID, release_id)
            self.client.set_registered_model_tag(name, CANARY_PERCENT, f"{percent:g}")

    def clear_canary(self, name: str) -> None:
        """Take the challenger's share away; nothing happens if it has none."""
        model = self._model(name)
        with self.talking():
            for tag in (CANARY_PERCENT, RELEASE_ID):
                if model and tag in model.tags:
                    self.client.delete_registered_model_tag(name, tag)

    # pages a person may open -----------------------------------------------------------------------------------

    def version_page(self, name: str, version: int) -> str:
        """Address of a version's page."""
        return f"{self.url.rstrip('/')}/#/models/{name}/versions/{version}"

    # ------------------------------------------------------------------------------------------------------------

    def _create_registered_model(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        with self.talking():
            try:
                self.client.create_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise

    def _versions_of(self, name: str, run_id: str) -> list[ModelVersion]:
        with self.talking():
            found = self.client.search_model_versions(f"run_id = '{run_id}' and name = {quoted(name)}")
        return sorted(found, key=lambda version: int(version.version))

    def _get_version(self, name: str, version: int) -> ModelVersion:
        from mlflow.exceptions import MlflowException

        with self.talking():
            try:
                return self.client.get_model_version(name, str(version))
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                raise NotInRegistry(f"{name!r} has no version {version}", next_step=f"look at {self.url}") from error

    def _model(self, name: str) -> RegisteredModel | None:
        from mlflow.exceptions import MlflowException

        with self.talking():
            try:
                return self.client.get_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                return None


def _model_id(version: ModelVersion) -> str:
    # the server answers with the source it was given, models:/m-..., and leaves model_id empty
    return version.model_id or (version.source or "").removeprefix("models:/")
