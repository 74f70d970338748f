"""A registry in memory that can be killed before any write."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from evaluations import first_of
from small_models import Defect, write

from airworthy.evaluation.document import FILE, Evaluation
from airworthy.registry.tags import BASELINE, CANDIDATE, KIND, MODEL_ID
from airworthy.registry.versions import RegisteredVersion
from airworthy.spec.pipeline import PipelineSpec
from airworthy.traffic.serving_state import ServingState


class Killed(BaseException):
    """The process died here; nothing may catch it."""


class FakeRegistry:
    """Versions, aliases and ONNX files of one model, in the parts of the real registry.

    Attributes:
        pointers: version by alias.
        tags: of every version; `add` makes one.
        broken: `small_models.Defect` of versions that are not sound.
        evaluations: by run id, where a test wants another one than `evaluation`.
        calls_left: writes until it is killed; None for never.
        written: every write, in order.
    """

    def __init__(self, folder: Path, spec: PipelineSpec) -> None:
        self.folder = folder
        self.spec = spec
        self.broken: dict[int, dict[str, Any]] = {}
        self.pointers: dict[str, int] = {}
        self.canary: tuple[str, float] | None = None
        self.tags: dict[int, dict[str, str]] = {}
        self.calls_left: int | None = None
        self.written: list[tuple[Any, ...]] = []
        self.evaluations: dict[str, Evaluation] = {}
        self.server = SimpleNamespace(
            url="http://mlflow",
            talking=contextlib.nullcontext,
            client=SimpleNamespace(set_terminated=lambda run_id: self.write("terminated", run_id)),
        )
        self.runs = FakeRuns(self)
        self.versions = FakeVersions(self)
        self.aliases = FakeAliases(self)
        self.packages = FakePackages(self)

    def write(self, *what: Any) -> None:
        """Note a write, or die before it."""
        if self.calls_left is not None:
            if self.calls_left == 0:
                raise Killed
            self.calls_left -= 1
        self.written.append(what)

    def add(self, version: int, **tags: str) -> int:
        """A version that a training made, unless ``kind`` says otherwise."""
        self.tags[version] = {f"airworthy.{name}": value for name, value in {"kind": CANDIDATE, **tags}.items()}
        return version

    def evaluation(self, run_id: str) -> Evaluation:
        """What the evaluation of a run found, unless a test put another one into `evaluations`."""
        return first_of(self.spec, f"manual__{run_id}", run_id)


class FakeRuns:
    """Runs: every version has one; of those without a version only the baseline's is known."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry
        self.baseline: dict[str, str] | None = None

    def open(self, pipeline: str, train_run: str, tags: dict[str, str]) -> str:
        self._registry.write("run", train_run)
        self.baseline = {**(self.baseline or {}), **tags}
        return "run-baseline"

    def get(self, pipeline: str, train_run: str) -> Any:
        return SimpleNamespace(info=SimpleNamespace(experiment_id="1"), data=SimpleNamespace(tags=self.baseline or {}))

    def read_json(self, run_id: str, artifact: str) -> dict[str, Any]:
        assert artifact == FILE
        found = self._registry.evaluations.get(run_id) or self._registry.evaluation(run_id)
        return found.model_dump(mode="json")

    def page(self, experiment_id: str, run_id: str) -> str:
        return f"http://mlflow/#/experiments/{experiment_id}/runs/{run_id}"


class FakeVersions:
    """Versions; the only one that can be registered here is the baseline, with the first free number."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry

    def register(self, pipeline: str, train_run: str) -> int:
        tags = self._registry.runs.baseline
        assert tags and tags[KIND] == BASELINE and MODEL_ID in tags, "its model was logged"
        known = [each.version for each in self.all(pipeline) if each.is_baseline]
        if known:
            return known[0]
        self._registry.write("register", train_run)
        free = next(number for number in range(1, 1000) if number not in self._registry.tags)
        return self._registry.add(free, kind=BASELINE)

    def get(self, name: str, version: int) -> RegisteredVersion:
        return RegisteredVersion(name, version, f"run-{version}", f"m-{version}", dict(self._registry.tags[version]))

    def all(self, name: str) -> list[RegisteredVersion]:
        return [self.get(name, version) for version in sorted(self._registry.tags)]

    def tags(self, name: str, version: int) -> dict[str, str]:
        return self.get(name, version).tags

    def page(self, name: str, version: int) -> str:
        return f"http://mlflow/#/models/{name}/versions/{version}"


class FakeAliases:
    """Aliases and the canary's share."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry

    def get(self, name: str, alias: str) -> int | None:
        return self._registry.pointers.get(alias)

    def set(self, name: str, alias: str, version: int) -> None:
        self._registry.write("set", alias, version)
        self._registry.pointers[alias] = version

    def delete(self, name: str, alias: str) -> None:
        self._registry.write("delete", alias)
        self._registry.pointers.pop(alias, None)

    def set_canary(self, name: str, release_id: str, percent: float) -> None:
        self._registry.write("canary", release_id, percent)
        self._registry.canary = (release_id, percent)

    def clear_canary(self, name: str) -> None:
        self._registry.write("no canary")
        self._registry.canary = None

    def serving_state(self, name: str) -> ServingState:
        release_id, percent = self._registry.canary or (None, 0.0)
        pointers = self._registry.pointers
        return ServingState(pointers.get("champion"), pointers.get("challenger"), percent, release_id)


class FakePackages:
    """Model files: small sound ones, unless `FakeRegistry.broken` says otherwise."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry

    def log(self, run_id: str, model: Any, encoder: Any, kind: Any) -> str:
        self._registry.write("log", run_id)
        assert self._registry.runs.baseline is not None
        self._registry.runs.baseline[MODEL_ID] = "m-baseline"
        return "m-baseline"

    def download(self, name: str, version: int, to: Path) -> Path:
        return write(to / str(version), Defect(**self._registry.broken.get(version, {})))
