"""Registered versions: made of a finished training once, and only where it passed its gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airworthy.errors import AirworthyError
from airworthy.registry.client import NotInRegistry, quoted
from airworthy.registry.tags import BASELINE, CANDIDATE, GATES, KIND, MODEL_ID, PREFIX

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

    from airworthy.registry.client import Server
    from airworthy.registry.runs import Runs


class NotRegistrable(AirworthyError):
    """The run may not become a version: it has no finished model, or its gates were not passed."""


@dataclass(frozen=True)
class RegisteredVersion:
    """One registered version: the MLflow run that made it, and its tags."""

    name: str
    version: int
    run_id: str
    model_id: str
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def is_baseline(self) -> bool:
        """Whether it is the always-average model, which passed no gates and needed none."""
        return self.tags.get(KIND) == BASELINE


class Versions:
    """The versions of every model on one MLflow server."""

    def __init__(self, server: Server, runs: Runs) -> None:
        self._server = server
        self._runs = runs

    def register(self, pipeline: str, train_run: str, tags: Mapping[str, str] | None = None) -> int:
        """Make the run's model a version of the registered model; the same train run gives the same version.

        The version carries the run's ``airworthy.*`` tags and ``tags``, whichever attempt it was made by.

        Raises:
            NotInRegistry: no such run.
            NotRegistrable: the training is not complete, or a candidate's gates were not passed.
        """
        run = self._runs.get(pipeline, train_run)
        run_tags = {k: v for k, v in run.data.tags.items() if k.startswith(PREFIX)}
        if not (model_id := run_tags.get(MODEL_ID)):
            raise NotRegistrable(
                f"run {run.info.run_id} of {pipeline!r} has no finished model (tag {MODEL_ID})",
                next_step="let the train task finish; trying it again resumes the same run",
            )
        kind = run_tags.get(KIND, CANDIDATE)
        if kind != BASELINE and run_tags.get(GATES) != "passed":
            raise NotRegistrable(
                f"run {run.info.run_id} of {pipeline!r}: tag {GATES} is {run_tags.get(GATES)!r}, expected 'passed'",
                next_step=f"look at gates.json of {self._runs.page(run.info.experiment_id, run.info.run_id)}",
            )
        # the kind is the run's: no caller can make a candidate of what needed no gates
        wanted = {k: v for k, v in {**run_tags, **(tags or {}), KIND: kind}.items() if k not in (MODEL_ID, GATES)}
        if not (versions := self._made_by(pipeline, run.info.run_id)):
            self._create_registered_model(pipeline)
            with self._server.talking():
                self._server.client.create_model_version(
                    pipeline, f"models:/{model_id}", run_id=run.info.run_id, tags=wanted, model_id=model_id
                )
            versions = self._made_by(pipeline, run.info.run_id)
        first, *copies = versions
        with self._server.talking():
            for copy in copies:  # a request whose answer was lost and that the HTTP client sent again
                self._server.client.delete_model_version(pipeline, copy.version)
        version = int(first.version)
        self.set_tags(pipeline, version, {k: v for k, v in wanted.items() if first.tags.get(k) != v})
        return version

    def get(self, name: str, version: int) -> RegisteredVersion:
        """One version with its tags.

        Raises:
            NotInRegistry: no such version.
        """
        from mlflow.exceptions import MlflowException

        with self._server.talking():
            try:
                return _registered(self._server.client.get_model_version(name, str(version)))
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                raise NotInRegistry(
                    f"{name!r} has no version {version}", next_step=f"look at {self._server.url}"
                ) from error

    def all(self, name: str) -> list[RegisteredVersion]:
        """Every version of a model, oldest first; none of a model that is not registered."""
        return [_registered(each) for each in self._search(f"name = {quoted(name)}")]

    def tags(self, name: str, version: int) -> dict[str, str]:
        """The tags of a version.

        Raises:
            NotInRegistry: no such version.
        """
        return self.get(name, version).tags

    def set_tags(self, name: str, version: int, tags: Mapping[str, str]) -> None:
        """Set these tags of a version, leaving the others."""
        with self._server.talking():
            for key, value in tags.items():
                self._server.client.set_model_version_tag(name, str(version), key, value)

    def page(self, name: str, version: int) -> str:
        """Address of a version's page."""
        return f"{self._server.url.rstrip('/')}/#/models/{name}/versions/{version}"

    def _create_registered_model(self, name: str) -> None:
        from mlflow.exceptions import MlflowException

        with self._server.talking():
            try:
                self._server.client.create_registered_model(name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise

    def _made_by(self, name: str, run_id: str) -> list[ModelVersion]:
        return self._search(f"run_id = '{run_id}' and name = {quoted(name)}")

    def _search(self, wanted: str) -> list[ModelVersion]:
        with self._server.talking():
            found = self._server.client.search_model_versions(wanted)
        return sorted(found, key=lambda version: int(version.version))


def _registered(found: ModelVersion) -> RegisteredVersion:
    # the server answers with the source it was given, models:/m-..., and leaves model_id empty
    model_id = found.model_id or (found.source or "").removeprefix("models:/")
    return RegisteredVersion(found.name, int(found.version), found.run_id or "", model_id, dict(found.tags))
