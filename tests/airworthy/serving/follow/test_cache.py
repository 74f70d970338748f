"""Model files on this machine: whole or not at all, and never those of another registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from serving_parts import NAME, FakeRegistry, write_model

from airworthy.registry.client import RegistryAway
from airworthy.serving.follow.cache import ModelCache
from airworthy.traffic.serving_state import ServingState


def test_a_registry_that_counts_anew_does_not_meet_an_old_cache(tmp_path: Path) -> None:
    registry = FakeRegistry(tmp_path / "registry")
    registry.add(1, rate=0.125)
    cache = ModelCache(tmp_path / "cache", NAME, registry)
    before = (cache.get(1).folder / "model.onnx").read_bytes()
    registry.add(1, rate=0.75, train_run="another")
    assert (cache.get(1).folder / "model.onnx").read_bytes() != before


class FakeKilled(FakeRegistry):
    """The process dies while it fetches."""

    def download(self, name: str, version: int, to: Path) -> Path:
        write_model(to / "half")
        raise KeyboardInterrupt


def test_a_fetch_that_was_interrupted_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    FakeRegistry(tmp_path / "registry").add(1)
    cache = ModelCache(tmp_path / "cache", NAME, FakeKilled(tmp_path / "registry"))
    with pytest.raises(KeyboardInterrupt):
        cache.get(1)
    assert list((tmp_path / "cache" / "models").iterdir()) == []


def test_offline_only_what_was_fetched_is_found(tmp_path: Path) -> None:
    registry = FakeRegistry(tmp_path / "registry")
    registry.add(1)
    cache = ModelCache(tmp_path / "cache", NAME, registry)
    fetched = cache.get(1)
    registry.set_away(True)
    assert cache.get(1, offline=True) == fetched
    with pytest.raises(FileNotFoundError, match="never fetched"):
        cache.get(2, offline=True)
    with pytest.raises(RegistryAway):
        cache.get(1)


def test_a_forgotten_version_is_fetched_again(tmp_path: Path) -> None:
    registry = FakeRegistry(tmp_path / "registry")
    registry.add(1)
    cache = ModelCache(tmp_path / "cache", NAME, registry)
    cache.get(1)
    assert cache.versions() == {1}
    cache.forget(1)
    cache.forget(1)
    assert cache.versions() == set()
    assert cache.get(1).folder.is_dir()


def test_the_aliases_last_seen_are_remembered_and_a_damaged_note_is_none(tmp_path: Path) -> None:
    cache = ModelCache(tmp_path / "cache", NAME, FakeRegistry(tmp_path / "registry"))
    assert cache.remembered() is None
    state = ServingState(champion=1, challenger=2, canary_percent=5, release_id="r")
    cache.remember(state)
    assert cache.remembered() == state
    (tmp_path / "cache" / "state.json").write_text("{")
    assert cache.remembered() is None
