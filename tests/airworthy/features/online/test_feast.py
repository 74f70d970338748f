"""A pipeline's Feast objects follow its specification and the store's address."""

from __future__ import annotations

from pathlib import Path

import pytest

from airworthy.features.online.feast import OnlineStoreError, online_store_config, registry_path, repo
from airworthy.settings import Settings
from airworthy.spec.pipeline import PipelineSpec


def test_every_view_and_entity_of_the_specification_is_there(spec: PipelineSpec, tmp_path: Path) -> None:
    made = repo(spec, Settings(home=tmp_path))
    assert list(made.views) == list(spec.features.views)
    assert set(made.entities) == {view.entity for view in spec.features.views.values()}
    for name, view in spec.features.views.items():
        assert [field.name for field in made.views[name].features] == view.features
        assert made.views[name].join_keys == [view.entity]
        # the wall clock must not decide what is too old: the request's prediction time does
        assert made.views[name].ttl is None


def test_a_registry_is_one_pipelines_own(spec: PipelineSpec, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    other = spec.model_copy(update={"name": "other"})
    assert registry_path(spec, settings) != registry_path(other, settings)


@pytest.mark.parametrize("address", ["/state/online.db", "sqlite:////state/online.db"])
def test_a_path_is_a_sqlite_file(address: str) -> None:
    assert online_store_config(address) == {"type": "sqlite", "path": "/state/online.db"}


@pytest.mark.parametrize(
    ("address", "connection"),
    [
        ("redis://cache:6380/2", "cache:6380,db=2"),
        ("redis://cache", "cache:6379,db=0"),
        ("rediss://me:se%40cret@cache:6379/0", "cache:6379,db=0,username=me,password=se@cret,ssl=true"),
    ],
)
def test_a_redis_address_becomes_feasts_connection_string(address: str, connection: str) -> None:
    assert online_store_config(address) == {"type": "redis", "connection_string": connection}


def test_another_kind_of_store_is_refused() -> None:
    with pytest.raises(OnlineStoreError, match="mysql"):
        online_store_config("mysql://host/db")
