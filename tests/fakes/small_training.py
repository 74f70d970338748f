"""A small feature table whose label depends on its features, and everything that a training pod needs to run on it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from airworthy.registry.registry import Registry
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec

if TYPE_CHECKING:
    from mlflow.entities import Run

ROOT = Path(__file__).parents[2]
START = datetime(2013, 1, 1, tzinfo=UTC)
Overrides = dict[str, Any]


@dataclass(frozen=True)
class Small:
    """A pipeline of its own: 2 categories, 3 numbers, its lake, and a name that no other test uses."""

    spec: PipelineSpec
    settings: Settings
    registry: Registry
    version: int

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, **self.settings.as_environment(), "PYTHONPATH": str(ROOT / "include"), **more}

    def pod(self, train_run: str, features_version: int | None = None, **more: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "airworthy.training.launcher", "--pipeline", self.spec.name]
        command += [
            "--train-run",
            train_run,
            "--features-version",
            str(self.version if features_version is None else features_version),
        ]
        return subprocess.Popen(
            command,
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def train(self, train_run: str, **more: str) -> tuple[int, str]:
        process = self.pod(train_run, **more)
        output, _ = process.communicate(timeout=300)
        return process.returncode, output

    def runs(self) -> list[Run]:
        return list(self.registry.server.client.search_runs([self._experiment]))

    def logged_models(self) -> list[Any]:
        return list(self.registry.server.client.search_logged_models([self._experiment]))

    def steps(self, metric: str) -> list[int]:
        """The steps at which a metric of the only run was logged."""
        (run,) = self.runs()
        return [point.step for point in self.registry.server.client.get_metric_history(run.info.run_id, metric)]

    @property
    def _experiment(self) -> str:
        experiment = self.registry.server.client.get_experiment_by_name(self.spec.name)
        assert experiment is not None
        return str(experiment.experiment_id)


def small_document(name: str, training: Overrides, gates: Overrides) -> Overrides:
    defaults = {
        "epochs": 2,
        "batch_size": 64,
        "learning_rate": 0.01,
        "hidden": [16],
        "embedding_dim": 4,
        "min_rows": 500,
        "holdout_days": 10,
    }
    return {
        "name": name,
        "sources": {"flights": {"path": "f/*.csv", "key": ["id"], "columns": {"id": {"type": "string"}}}},
        "key": "id",
        "event_time": "event_time",
        "prediction_time": "prediction_time",
        "known_at": "known_at",
        "label": {"name": "late"},
        "features": {
            "request": {"categorical": ["carrier", "origin"], "numeric": ["minute"]},
            "views": {"weather": {"entity": "origin", "features": ["wind", "never"]}},
        },
        "training": {**defaults, **training},
        "gates": {
            "min_holdout_rows": 100,
            "metrics": {"roc_auc": {"max_behind_lightgbm": 0.2, "min_in_slices": 0.0}},
            "slices": ["origin"],
            **gates,
        },
        "release": {"approvers": ["approver"]},
    }


def feature_rows(n: int, seed: int = 0) -> pa.Table:
    """Late is likelier with wind, for carrier B and in the evening; wind is missing now and then, `never` always."""
    rng = np.random.default_rng(seed)
    event = [START + timedelta(days=60) * (i / n) for i in range(n)]
    carrier, wind, minute = rng.choice(["A", "B", "C"], n), rng.gamma(2, 5, n), rng.integers(300, 1400, n)
    logit = -2 + 1.5 * (carrier == "B") + 0.15 * (wind - 10) + 0.002 * (minute - 800)
    late = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(np.int32)
    seen = np.where(rng.random(n) < 0.1, np.nan, wind)
    return pa.table(
        {
            "id": [f"f{i:06d}" for i in range(n)],
            "event_time": pa.array(event, pa.timestamp("us", "UTC")),
            "prediction_time": pa.array([e - timedelta(hours=2) for e in event], pa.timestamp("us", "UTC")),
            "known_at": pa.array([e + timedelta(hours=3) for e in event], pa.timestamp("us", "UTC")),
            "carrier": pa.array(carrier.tolist()),
            "origin": pa.array(rng.choice(["EWR", "JFK"], n).tolist()),
            "minute": pa.array(minute.astype(np.float64)),
            "wind": pa.array(seen, from_pandas=True),
            "never": pa.nulls(n, pa.float64()),
            "late": pa.array(late, pa.int32()),
            "month": pa.array([e.year * 100 + e.month for e in event], pa.int32()),
        }
    )
