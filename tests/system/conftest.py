"""The whole stack once for all system tests: real Airflow, MLflow, local cluster, serving, on free ports."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psutil
import pytest
import yaml

from airworthy.airflow_api.client import AirflowApi
from airworthy.ledger.ledger import Ledger
from airworthy.registry.registry import Registry
from airworthy.settings import Settings
from airworthy.spec import folders
from airworthy.spec.pipeline import PipelineSpec
from airworthy_demo.world import World
from airworthy_local.ports import Ports
from airworthy_local.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = "flight_delays"

# The example's own specification, made small: five weeks of flights, one epoch, a canary of half a minute.
SMALL = {
    "training": {"epochs": 1, "holdout_days": 7, "min_rows": 1000},
    "gates": {"metrics": {"roc_auc": {"max_behind_lightgbm": 0.3, "max_behind_champion": 0.3, "min_in_slices": 0.0}}},
    "release": {"min_samples": 40, "max_p95_ms": 1000},
    "monitoring": {"prediction_log_rate": 1.0},
}  # fmt: skip


@dataclass
class Deployment:
    """The running stack and everything a test asks of it."""

    stack: Stack
    settings: Settings
    spec: PipelineSpec
    api: AirflowApi
    world: World

    @property
    def registry(self) -> Registry:
        return Registry(self.settings.mlflow_url)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.settings.ledger_url)

    def process(self, name: str) -> psutil.Process:
        """The running process of a part of the stack."""
        found = next(each for each in self.stack.status() if each.name == name)
        assert found.pid, f"{name} does not run: {found}"
        return psutil.Process(found.pid)

    def champion(self) -> int | None:
        return self.registry.aliases.serving_state(PIPELINE).champion


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.stack)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("stack")
    folder = home / "pipelines" / PIPELINE
    shutil.copytree(ROOT / "include" / "pipelines" / PIPELINE, folder)
    document = yaml.safe_load((folder / "pipeline.yaml").read_text())
    for section, changes in SMALL.items():
        document[section].update(changes)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    previous = os.environ.get("AIRWORTHY_PIPELINES")
    os.environ["AIRWORTHY_PIPELINES"] = str(home / "pipelines")
    stack = Stack(home / "state", Ports.free())
    try:
        stack.up()
        settings = stack.settings()
        world = World()
        world.land(settings.landing, date(2013, 1, 1), date(2013, 2, 8))
        admin = stack.credentials("admin")
        with AirflowApi(stack.airflow_url, admin.user, admin.password) as api:
            for stage in ("data", "train", "release"):
                api.wait_for_dag(f"{PIPELINE}.{stage}")
            yield Deployment(stack, settings, folders.load(settings.pipelines, PIPELINE), api, world)
    finally:
        stack.down()
        if previous is None:
            del os.environ["AIRWORTHY_PIPELINES"]
        else:
            os.environ["AIRWORTHY_PIPELINES"] = previous
