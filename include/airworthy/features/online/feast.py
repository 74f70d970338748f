"""A pipeline's Feast objects, made from its specification: nobody writes a feature repository by hand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from airworthy.errors import AirworthyError
from airworthy.lake import tables

if TYPE_CHECKING:
    from feast import Entity, FeatureView
    from feast.repo_config import RepoConfig

    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec


class OnlineStoreError(AirworthyError):
    """The online store's address cannot be used, or it was never filled."""


@dataclass(frozen=True)
class Repo:
    """What Feast needs to know of one pipeline."""

    config: RepoConfig
    entities: dict[str, Entity]
    views: dict[str, FeatureView]


def repo(spec: PipelineSpec, settings: Settings) -> Repo:
    """The configuration, entities and feature views of a pipeline.

    Feast's own ``ttl`` is switched off: it compares with the wall clock, and these features must be as old or as
    young as they are at the *request's* prediction time (a replay of 2013 would find everything expired, a late
    request nothing). :class:`~airworthy.features.online.store.OnlineStore` applies ``ttl_days`` itself.
    """
    from feast import Entity, FeatureView, Field, FileSource, ValueType
    from feast.data_format import DeltaFormat
    from feast.repo_config import RegistryConfig, RepoConfig
    from feast.types import Float32, String

    entities = {
        name: Entity(name=name, join_keys=[name], value_type=ValueType.STRING)
        for name in sorted({view.entity for view in spec.features.views.values()})
    }
    views = {
        name: FeatureView(
            name=name,
            entities=[entities[view.entity]],
            schema=[
                Field(name=view.entity, dtype=String),
                *(Field(name=feature, dtype=Float32) for feature in view.features),
            ],
            # the lake is the offline store: no second copy
            source=FileSource(
                name=name,
                path=f"{settings.lake.rstrip('/')}/{tables.view(spec.name, name)}",
                file_format=DeltaFormat(),
                timestamp_field="event_timestamp",
            ),
            ttl=None,
            online=True,
        )
        for name, view in spec.features.views.items()
    }
    config = RepoConfig(
        project=spec.name,
        provider="local",
        # a registry per pipeline: it is one file, rewritten whole, and pipelines materialise at the same time
        registry=RegistryConfig(path=str(registry_path(spec, settings))),
        online_store=online_store_config(settings.online_store),
        offline_store={"type": "dask"},
        entity_key_serialization_version=3,
    )
    return Repo(config, entities, views)


def registry_path(spec: PipelineSpec, settings: Settings) -> Path:
    """The file that knows which version of each view is in the online store."""
    return settings.home / "feast" / spec.name / "registry.db"


def online_store_config(address: str) -> dict[str, Any]:
    """Feast's configuration of ``settings.online_store``.

    Args:
        address: ``redis://[user:password@]host:port/db`` (``rediss://`` for TLS), else a path of a SQLite file.

    Raises:
        OnlineStoreError: any other scheme.
    """
    url = urlsplit(address)
    if url.scheme in ("redis", "rediss"):
        options = {
            "db": url.path.strip("/") or "0",
            "username": unquote(url.username or ""),
            "password": unquote(url.password or ""),
            "ssl": "true" if url.scheme == "rediss" else "",
        }
        chosen = [f"{name}={value}" for name, value in options.items() if value]
        host = f"{url.hostname or 'localhost'}:{url.port or 6379}"
        return {"type": "redis", "connection_string": ",".join([host, *chosen])}
    if "://" in address and url.scheme != "sqlite":
        raise OnlineStoreError(
            f"online store {address!r}: expected a SQLite path or redis://host:port/db",
            next_step="set AIRWORTHY_ONLINE_STORE, or the connection airworthy_online_store",
        )
    return {"type": "sqlite", "path": str(Path(address.removeprefix("sqlite:///")).absolute())}
