"""The whole stack once for all system tests, on free ports, and the state that each of them starts from.

Every test can run alone and in any order: it asks for the state it needs by the fixture's name, and what an earlier
test has brought about already (published features, a trained model) is not made again. No test leaves a release open.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml
from tests.system.deployment import PIPELINE, PUBLISHED, Deployment
from tests.system.processes import wait_until
from tests.system.releases import Release, Releases

from airworthy.airflow_api.client import AirflowApi
from airworthy.spec import folders
from airworthy_demo.world import World
from airworthy_local.ports import Ports
from airworthy_local.stack import Stack

ROOT = Path(__file__).resolve().parents[2]

# The example's own specification, made small: five weeks of flights, one epoch, a canary of half a minute.
SMALL = {
    "training": {"epochs": 1, "holdout_days": 7, "min_rows": 1000},
    "gates": {"metrics": {"roc_auc": {"max_behind_lightgbm": 0.3, "max_behind_champion": 0.3, "min_in_slices": 0.0}}},
    "release": {"min_samples": 40, "max_p95_ms": 1000},
    "monitoring": {"prediction_log_rate": 1.0},
}  # fmt: skip


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The running stack, with five weeks of landed files and nothing else."""
    home = tmp_path_factory.mktemp("stack")
    folder = home / "pipelines" / PIPELINE
    shutil.copytree(ROOT / "include" / "pipelines" / PIPELINE, folder)
    document = yaml.safe_load((folder / "pipeline.yaml").read_text())
    for section, changes in SMALL.items():
        document[section].update(changes)
    (folder / "pipeline.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    stack = Stack(home / "state", Ports.free())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRWORTHY_PIPELINES", str(home / "pipelines"))
        try:
            stack.up()
            settings = stack.settings()
            world = World()
            world.land(settings.landing, date(2013, 1, 1), date(2013, 2, 7))
            admin = stack.credentials("admin")
            with AirflowApi(stack.airflow_url, admin.user, admin.password) as api:
                for dag in ("data", "train", "release"):
                    api.wait_for_dag(f"{PIPELINE}.{dag}")
                yield Deployment(stack, settings, folders.load(settings.pipelines, PIPELINE), api, world)
        finally:
            stack.down()


@pytest.fixture(scope="session")
def published(deployment: Deployment) -> None:
    """Features have been published, offline and online."""
    if deployment.table_versions()[PUBLISHED] is None:
        deployment.start("data", "for-the-tests")
        deployment.must_succeed("data", "for-the-tests")


@pytest.fixture(scope="session")
def trained(deployment: Deployment, published: None) -> int:
    """A version that was trained and passed its gates; its own release has begun and is over, so a champion answers."""
    if not deployment.trained_versions():
        deployment.start("train", "for-the-tests", canary_minutes=10)
        deployment.must_succeed("train", "for-the-tests")
        Release(deployment, deployment.registered_by("for-the-tests")).end()
    wait_until(deployment.champion, "a champion answers")
    return deployment.trained_versions()[-1]


@pytest.fixture
def releases(deployment: Deployment) -> Iterator[Releases]:
    """Starts releases; those that the test leaves open are ended."""
    started = Releases(deployment)
    yield started
    started.end()


@pytest.fixture
def candidate(releases: Releases, trained: int) -> Release:
    """A release that has begun: its candidate gets, or is about to get, its share of the traffic."""
    return releases.start(trained)


@pytest.fixture
def waiting(candidate: Release) -> Release:
    """A release whose canary went well, and that waits for a person's answer."""
    candidate.until_asked(first_day=date(2013, 2, 9))
    return candidate
