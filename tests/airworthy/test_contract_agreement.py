"""A release's check and serving come to the same outcome for the same files, sound or broken."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest
from defects import BROKEN, SOUND_MODELS
from serving_parts import FAST
from small_models import SPEC

from airworthy.model import contract
from airworthy.release.check import check_version
from airworthy.serving.follow.active import FailedVersion, LoadedVersion
from airworthy.serving.follow.cache import ModelCache
from airworthy.serving.follow.follower import Follower
from airworthy.serving.metrics import ServiceMetrics
from airworthy.traffic.serving_state import ServingState


class OneVersion:
    """A registry whose only version lies in a folder and is the challenger."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.aliases = self.versions = self.packages = self

    def serving_state(self, name: str) -> ServingState:
        return ServingState(challenger=1, canary_percent=5, release_id="r")

    def tags(self, name: str, version: int) -> dict[str, str]:
        return {}

    def download(self, name: str, version: int, to: Path) -> Path:
        return Path(shutil.copytree(self.folder, to / "files"))


def served(registry: OneVersion, home: Path) -> LoadedVersion | FailedVersion | None:
    follower = Follower(SPEC, registry, ModelCache(home, SPEC.name, registry), ServiceMetrics(), FAST)
    follower.poll()
    return follower.active.challenger


@pytest.mark.parametrize("name", SOUND_MODELS)
def test_what_the_release_lets_through_serves(tmp_path: Path, name: str) -> None:
    registry = OneVersion(SOUND_MODELS[name](tmp_path / "version"))
    assert all(condition.passed for condition in check_version(SPEC, registry, 1))
    assert isinstance(served(registry, tmp_path / "home"), LoadedVersion)


@pytest.mark.parametrize("name", BROKEN)
def test_what_serving_would_refuse_the_release_refuses_first(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract, "check", partial(contract.check, seconds=0.5))  # for the one that hangs
    registry = OneVersion(BROKEN[name].write(tmp_path / "version"))
    refused = [f"{each.name}: {each.reason}" for each in check_version(SPEC, registry, 1) if not each.passed]
    challenger = served(registry, tmp_path / "home")
    assert isinstance(challenger, FailedVersion)
    assert [challenger.reason] == [f"version 1 does not serve: {reason}" for reason in refused]
