"""What a training writes to its MLflow run, each thing once, however often the pod is started."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airworthy.registry import tags as names

if TYPE_CHECKING:
    from airworthy.registry.registry import Registry
    from airworthy.training.loop import EpochResult


class TrackedRun:
    """The MLflow run of one Airflow train run.

    Args:
        registry: the MLflow server.
        pipeline: its experiment.
        train_run: Airflow's run id.
    """

    def __init__(self, registry: Registry, pipeline: str, train_run: str) -> None:
        self.registry = registry
        self.pipeline = pipeline
        self.train_run = train_run
        self.run_id = registry.runs.find(pipeline, train_run)

    @property
    def finished(self) -> bool:
        """Is the model logged already?"""
        if self.run_id is None:
            return False
        with self.registry.server.talking():
            return names.MODEL_ID in self.registry.server.client.get_run(self.run_id).data.tags

    def open(self, tags: Mapping[str, str]) -> str:
        """Make the run, or take up the one that an earlier pod left."""
        self.run_id = self.registry.runs.open(self.pipeline, self.train_run, tags)
        with self.registry.server.talking():
            self.registry.server.client.update_run(self.run_id, status="RUNNING")
        return self.run_id

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log those that are not there yet: MLflow's params cannot change, and a second pod may see another node."""
        from mlflow.entities import Param

        with self.registry.server.talking():
            known = self.registry.server.client.get_run(self._id).data.params
            new = [Param(key, str(value)) for key, value in params.items() if key not in known]
            self.registry.server.client.log_batch(self._id, params=new)

    def log_epochs(self, history: Sequence[EpochResult]) -> None:
        """Log the epochs that are not there yet, so that a resumed training has each once."""
        from mlflow.entities import Metric

        with self.registry.server.talking():
            logged = {m.step for m in self.registry.server.client.get_metric_history(self._id, "train_loss")}
            now = int(time.time() * 1000)
            batch = [
                Metric(key, value, now, epoch.epoch)
                for epoch in history
                if epoch.epoch not in logged
                for key, value in epoch.metrics.items()
                if value is not None
            ]
            if batch:
                self.registry.server.client.log_batch(self._id, metrics=batch)

    def log_metrics(self, values: Mapping[str, float | None]) -> None:
        """Set metrics that have one value; None is left out. The same value again changes nothing."""
        from mlflow.entities import Metric

        with self.registry.server.talking():
            known = self.registry.server.client.get_run(self._id).data.metrics
            now = int(time.time() * 1000)
            new = [Metric(k, v, now, 0) for k, v in values.items() if v is not None and known.get(k) != v]
            self.registry.server.client.log_batch(self._id, metrics=new)

    def log_folder(self, folder: Path) -> None:
        """Upload every file of a folder, over what is there."""
        with self.registry.server.talking():
            self.registry.server.client.log_artifacts(self._id, str(folder))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set these tags of the run."""
        with self.registry.server.talking():
            for key, value in tags.items():
                self.registry.server.client.set_tag(self._id, key, value)

    def close(self, *, failed: bool = False) -> None:
        """Say how it ended."""
        if self.run_id is not None:
            with self.registry.server.talking():
                self.registry.server.client.set_terminated(self.run_id, "FAILED" if failed else "FINISHED")

    @property
    def _id(self) -> str:
        if self.run_id is None:
            raise RuntimeError("open() comes first")
        return self.run_id
