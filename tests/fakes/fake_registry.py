"""A registry in memory that can be killed after any number of calls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from small_models import write

from airworthy.evaluation.document import FILE, Evaluation
from airworthy.model.kinds.base import Metrics
from airworthy.registry.registry import Version
from airworthy.spec.pipeline import PipelineSpec


class Killed(BaseException):
    """The process died here; nothing may catch it."""


@dataclass(frozen=True)
class State:
    champion: int | None
    challenger: int | None
    canary_percent: float
    release_id: str | None


class FakeRegistry:
    """Aliases, canary tags, versions and their ONNX files of one model, as the real registry keeps them."""

    def __init__(self, folder: Path, spec: PipelineSpec) -> None:
        self.folder = folder
        self.spec = spec
        self.broken: dict[int, dict[str, Any]] = {}
        self.aliases: dict[str, int] = {}
        self.canary: tuple[str, float] | None = None
        self.tags: dict[int, dict[str, str]] = {}
        self.calls_left: int | None = None
        self.writes: list[tuple[Any, ...]] = []
        self.evaluations: dict[str, Evaluation] = {}

    def _write(self, *what: Any) -> None:
        if self.calls_left is not None:
            if self.calls_left == 0:
                raise Killed
            self.calls_left -= 1
        self.writes.append(what)

    def add(self, version: int, **tags: str) -> int:
        self.tags[version] = {f"airworthy.{name}": value for name, value in {"kind": "candidate", **tags}.items()}
        return version

    def register_baseline(self, spec: PipelineSpec, rate: float) -> int:
        self.baseline_rate = rate
        return self.add(1, kind="baseline")

    def version(self, name: str, version: int) -> Version:
        return Version(name, version, f"run-{version}", f"m-{version}", dict(self.tags[version]))

    def read_json(self, run_id: str, artifact: str) -> dict[str, Any]:
        assert artifact == FILE
        found = self.evaluations.get(run_id) or self.evaluation(run_id)
        return found.model_dump(mode="json")

    def evaluation(self, run_id: str) -> Evaluation:
        """What the evaluation of a run found, unless a test put another one into `evaluations`."""
        return Evaluation(
            pipeline=self.spec.name,
            train_run=f"manual__{run_id}",
            run_id=run_id,
            data_version="3",
            data_until="2013-08-31T23:59:00+00:00",
            holdout_from="2013-08-01T00:00:00+00:00",
            train_rows=200_000,
            candidate=Metrics(rows=29_000, rate=0.2, roc_auc=0.74, log_loss=0.41),
            average=Metrics(rows=29_000, rate=0.2, roc_auc=0.5, log_loss=0.5),
        )

    def run(self, pipeline: str, train_run: str) -> Any:
        return SimpleNamespace(info=SimpleNamespace(experiment_id="1"))

    def run_page(self, experiment_id: str, run_id: str) -> str:
        return f"http://mlflow/#/experiments/{experiment_id}/runs/{run_id}"

    def version_page(self, name: str, version: int) -> str:
        return f"http://mlflow/#/models/{name}/versions/{version}"

    def download(self, name: str, version: int, to: Path) -> Path:
        return write(to / str(version), **self.broken.get(version, {}))

    def version_tags(self, name: str, version: int) -> dict[str, str]:
        return dict(self.tags[version])

    def alias(self, name: str, alias: str) -> int | None:
        return self.aliases.get(alias)

    def set_alias(self, name: str, alias: str, version: int) -> None:
        self._write("set", alias, version)
        self.aliases[alias] = version

    def delete_alias(self, name: str, alias: str) -> None:
        self._write("delete", alias)
        self.aliases.pop(alias, None)

    def set_canary(self, name: str, release_id: str, percent: float) -> None:
        self._write("canary", release_id, percent)
        self.canary = (release_id, percent)

    def clear_canary(self, name: str) -> None:
        self._write("no canary")
        self.canary = None

    def serving_state(self, name: str) -> State:
        release_id, percent = self.canary or (None, 0.0)
        return State(self.aliases.get("champion"), self.aliases.get("challenger"), percent, release_id)
