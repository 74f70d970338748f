"""MLflow runs, one for each training: found by the Airflow run that started it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airworthy.registry.client import NotInRegistry, is_away, quoted
from airworthy.registry.tags import TRAIN_RUN

if TYPE_CHECKING:
    from mlflow.entities import Run

    from airworthy.registry.client import Server


class Runs:
    """The training runs of one MLflow server."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def find(self, pipeline: str, train_run: str) -> str | None:
        """The MLflow run id of an Airflow train run, or None; the oldest if there should be several."""
        with self._server.talking():
            experiment = self._server.client.get_experiment_by_name(pipeline)
            if experiment is None:
                return None
            runs = self._server.client.search_runs(
                [experiment.experiment_id],
                filter_string=f"tags.`{TRAIN_RUN}` = {quoted(train_run)}",
                order_by=["attributes.start_time ASC"],
                max_results=1,
            )
        return runs[0].info.run_id if runs else None

    def open(self, pipeline: str, train_run: str, tags: Mapping[str, str] | None = None) -> str:
        """The MLflow run of an Airflow train run, made if there is none; tags are set either way."""
        if (run_id := self.find(pipeline, train_run)) is None:
            with self._server.talking():
                experiment = self._server.client.get_experiment_by_name(pipeline)
                experiment_id = experiment.experiment_id if experiment else self._create_experiment(pipeline)
                made = self._server.client.create_run(
                    experiment_id, run_name=train_run, tags={TRAIN_RUN: train_run, **(tags or {})}
                ).info.run_id
            run_id = self.find(pipeline, train_run) or made
            if run_id != made:  # a pod that was thought dead, or a request that was sent twice
                with self._server.talking():
                    self._server.client.delete_run(made)
        with self._server.talking():
            for key, value in (tags or {}).items():
                self._server.client.set_tag(run_id, key, value)
        return run_id

    def get(self, pipeline: str, train_run: str) -> Run:
        """The MLflow run with its tags, params and metrics.

        Raises:
            NotInRegistry: the training has not begun.
        """
        if (run_id := self.find(pipeline, train_run)) is None:
            raise NotInRegistry(
                f"no MLflow run of {pipeline!r} has the tag {TRAIN_RUN}={train_run!r}",
                next_step="run the train task of this DAG run first",
            )
        with self._server.talking():
            return self._server.client.get_run(run_id)

    def read_json(self, run_id: str, artifact: str) -> dict[str, Any]:
        """A JSON artifact of a run.

        Raises:
            NotInRegistry: the run has no such artifact.
        """
        from mlflow.exceptions import MlflowException

        with tempfile.TemporaryDirectory() as folder, self._server.talking():
            try:
                path = self._server.client.download_artifacts(run_id, artifact, folder)
            except MlflowException as error:
                if is_away(error):
                    raise
                raise NotInRegistry(f"run {run_id} has no artifact {artifact!r}: {error}") from error
            except OSError as error:
                if is_away(error):
                    raise
                raise NotInRegistry(f"run {run_id} has no artifact {artifact!r}: {error}") from error
            return json.loads(Path(path).read_text(encoding="utf-8"))

    def page(self, experiment_id: str, run_id: str) -> str:
        """Address of a run's page."""
        return f"{self._server.url.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"

    def _create_experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        try:
            return self._server.client.create_experiment(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            experiment = self._server.client.get_experiment_by_name(name)
            if experiment is None:  # the name belongs to a deleted one
                raise NotInRegistry(
                    f"the MLflow experiment {name!r} was deleted", next_step=f"restore it at {self._server.url}"
                ) from error
            return experiment.experiment_id
