"""The online store: the newest value of every feature view, for serving. Feast on SQLite or Redis."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from airworthy.features.online.feast import OnlineStoreError, Repo, registry_path, repo
from airworthy.lake import tables

if TYPE_CHECKING:
    from airworthy.lake.lake import Lake
    from airworthy.settings import Settings
    from airworthy.spec.features import FeatureView
    from airworthy.spec.pipeline import PipelineSpec

MATERIALISED = "airworthy.delta_version"
SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class _Value:
    """One entity's features of one view."""

    features: tuple[float, ...]
    event_time: float  # seconds since 1970; what the features are as of
    fetched: float  # by the store's clock


class OnlineStore:
    """Reads features for requests, and fills the store from the lake.

    Reading is safe from any number of threads, and while another process materialises: SQLite runs in WAL mode, and
    each view is replaced in one transaction. Values are kept in memory for ``cache_seconds``, since they change only
    when the data DAG has run: that is how long a reader may lag behind it.

    Args:
        spec: the pipeline.
        settings: ``online_store``, ``home`` (for Feast's registry) and ``lake``.
        cache_seconds: 0 reads the store every time.
        clock: monotonic seconds.
    """

    MAX_CACHED = 1_000_000  # values, about 300 bytes each

    def __init__(
        self,
        spec: PipelineSpec,
        settings: Settings,
        *,
        cache_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.spec = spec
        self.settings = settings
        self._repo: Repo = repo(spec, settings)
        self._cache_seconds = cache_seconds
        self._clock = clock
        self._cache: dict[str, dict[str | None, _Value]] = {name: {} for name in spec.features.views}
        self._local = threading.local()

    # reading ---------------------------------------------------------------------------------------------------

    @property
    def features(self) -> list[str]:
        """The columns of :meth:`read`."""
        return [feature for view in self.spec.features.views.values() for feature in view.features]

    def read(
        self, entity_keys: Sequence[dict[str, str | None]], at: Sequence[float] | None = None
    ) -> NDArray[np.float32]:
        """The features of every view, in the order of the specification.

        Args:
            entity_keys: per request ``{entity: key}``; null or absent: nothing to look up.
            at: per request its prediction time, seconds since 1970. A value that is more than the view's
                ``ttl_days`` older is missing. None: no value is too old.

        Returns:
            [n, number of features]; NaN where a value is missing, unknown to the store or too old.

        Raises:
            OnlineStoreError: the store cannot be reached or was never filled.
        """
        lookups = []
        for name, view in self.spec.features.views.items():
            values = self._values(name, view, [entities.get(view.entity) for entities in entity_keys])
            missing = (np.nan,) * len(view.features)
            lookups.append((view.entity, values, view.ttl_days * SECONDS_PER_DAY, missing))
        # one flat list: assigning slices of an array, row by row, takes three times as long
        flat: list[float] = []
        for i, entities in enumerate(entity_keys):
            for entity, values, oldest, missing in lookups:
                value = values.get(entities.get(entity))
                if value is None or (at is not None and at[i] - value.event_time > oldest):
                    flat += missing
                else:
                    flat += value.features
        return np.array(flat, dtype=np.float32).reshape(len(entity_keys), len(self.features))

    def _values(self, name: str, view: FeatureView, keys: Sequence[str | None]) -> dict[str | None, _Value]:
        """The cache of a view, after fetching those of ``keys`` that it lacks."""
        cache, now = self._cache[name], self._clock()
        known = now - self._cache_seconds
        wanted = {key for key in keys if key is not None and ((v := cache.get(key)) is None or v.fetched <= known)}
        if wanted:
            if len(cache) + len(wanted) > self.MAX_CACHED:
                cache = self._cache[name] = {}
            # an entity the store does not know is kept too, as all missing: asking again would find nothing again
            cache.update(self._fetch(name, view, sorted(wanted), now))
        return cache

    def _fetch(self, name: str, view: FeatureView, keys: list[str], now: float) -> dict[str | None, _Value]:
        from feast.protos.feast.types.EntityKey_pb2 import EntityKey
        from feast.protos.feast.types.Value_pb2 import Value

        entity_keys = [EntityKey(join_keys=[view.entity], entity_values=[Value(string_val=key)]) for key in keys]
        try:
            rows = self._store().online_read(self._repo.config, self._repo.views[name], entity_keys, view.features)
        except (sqlite3.Error, OSError) as error:
            raise OnlineStoreError(
                f"online store {_without_password(self.settings.online_store)}: view {name!r}: {error}",
                next_step="run the data DAG, which fills it; docs/runbook.md#features-away",
            ) from error
        return {key: _decode(row, view.features, now) for key, row in zip(keys, rows, strict=True)}

    def _store(self) -> Any:
        """Feast's store object of this thread: it holds one connection, which threads must not share."""
        from feast.infra.online_stores.helpers import get_online_store_from_config

        if not hasattr(self._local, "store"):
            self._local.store = get_online_store_from_config(self._repo.config.online_store)
        return self._local.store

    # filling ---------------------------------------------------------------------------------------------------

    def materialise(self, lake: Lake, *, force: bool = False) -> dict[str, int]:
        """Bring every view up to the lake's newest version.

        Idempotent: a view whose version is in the store already is left alone. Killed at any time, a view is at its
        old or its new state, and the next run completes the rest.

        Args:
            lake: where ``features/<view>`` are.
            force: write even what is there already.

        Returns:
            Rows written by view; 0 for one that was up to date.

        Raises:
            TableMissing: the features were never built.
        """
        from feast import FeatureStore

        for path in (registry_path(self.spec, self.settings), self._sqlite):
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
        self._allow_reading_meanwhile()
        store = FeatureStore(config=self._repo.config)
        there = {} if force else {v.name: v.tags.get(MATERIALISED) for v in store.list_feature_views()}
        for name, view in self._repo.views.items():
            view.tags = {MATERIALISED: there.get(name) or ""}
        store.apply([*self._repo.entities.values(), *self._repo.views.values()])
        return {name: self._materialise(store, lake, name, there.get(name)) for name in self._repo.views}

    def _materialise(self, store: Any, lake: Lake, name: str, there: str | None) -> int:
        table = tables.view(self.spec.name, name)
        version = lake.version(table)
        rows = lake.read(table, version).combine_chunks()
        if not rows.num_rows or (there == str(version) and self._holds(name, rows.slice(0, 1).to_pylist()[0])):
            return 0
        store.write_to_online_store(name, df=rows.to_pandas())
        # only now: a run that was killed before this line writes again
        self._repo.views[name].tags = {MATERIALISED: str(version)}
        store.apply([self._repo.views[name]])
        self._cache[name] = {}
        return rows.num_rows

    def _holds(self, name: str, row: dict[str, Any]) -> bool:
        """Does the store itself have this row? The registry may outlive a store that was deleted or flushed."""
        view = self.spec.features.views[name]
        key = row[view.entity]
        found = self._fetch(name, view, [key], 0.0)[key]
        return abs(found.event_time - row["event_timestamp"].timestamp()) < 1

    @property
    def _sqlite(self) -> Path | None:
        path = getattr(self._repo.config.online_store, "path", None)
        return Path(path) if path else None

    def _allow_reading_meanwhile(self) -> None:
        """SQLite: write-ahead logging, a property of the file. Without it a writer locks readers out."""
        if self._sqlite is not None:
            with closing(sqlite3.connect(self._sqlite)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")


def _decode(row: Any, features: Sequence[str], now: float) -> _Value:
    moment, values = row
    found = ((values or {}).get(feature) for feature in features)
    return _Value(
        tuple(v.float_val if v is not None and v.WhichOneof("val") == "float_val" else np.nan for v in found),
        moment.timestamp() if moment is not None else -np.inf,
        now,
    )


def _without_password(address: str) -> str:
    scheme, separator, rest = address.rpartition("://")
    return f"{scheme}{separator}{rest.rsplit('@', 1)[-1]}"
