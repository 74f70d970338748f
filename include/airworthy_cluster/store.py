"""The cluster's objects: in memory, on disk, and as a stream of changes.

One JSON file per object (0600, replaced atomically), so the state survives ``kill -9``. Objects handed out are shared
snapshots: to change one, copy it and save the copy.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from airworthy_cluster.errors import ApiError, not_found
from airworthy_cluster.private_files import write_private

Obj = dict[str, Any]
Key = tuple[str, str]
#: Changes kept for watchers that come back; one that asks for older ones gets a 410 and lists again.
HISTORY = 2000


def timestamp(seconds: float | None = None) -> str:
    """A moment as Kubernetes writes it: RFC 3339, whole seconds, UTC; now by default."""
    moment = datetime.fromtimestamp(time.time() if seconds is None else seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class Change:
    """One change: what it was, and the object before (none when added) and after (its last state when deleted)."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    version: int
    plural: str
    object: Obj
    before: Obj | None


class Store:
    """All objects, by resource (``pods``), namespace (empty for the cluster's own) and name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._objects: dict[str, dict[Key, Obj]] = {}
        self._history: deque[Change] = deque(maxlen=HISTORY)
        self._queues: set[asyncio.Queue[Change | None]] = set()
        self._closed = False
        for path in folder.glob("*/*/*.json"):
            obj = json.loads(path.read_text())
            self._objects.setdefault(path.parts[-3], {})[_key(obj)] = obj
        everything = (obj for objects in self._objects.values() for obj in objects.values())
        newest = max((int(obj["metadata"]["resourceVersion"]) for obj in everything), default=0)
        # milliseconds: grows over restarts though deleted objects, and their versions, are forgotten
        self.version = max(newest + 1, int(time.time() * 1000))
        self._floor = self.version

    def get(self, plural: str, namespace: str, name: str) -> Obj:
        """One object.

        Raises:
            ApiError: 404.
        """
        if (found := self.find(plural, namespace, name)) is None:
            raise not_found(plural, name)
        return found

    def find(self, plural: str, namespace: str, name: str) -> Obj | None:
        """One object, or none."""
        return self._objects.get(plural, {}).get((namespace, name))

    def list(self, plural: str, namespace: str | None = None) -> list[Obj]:
        """The objects of one namespace or of all, by namespace and name."""
        found = self._objects.get(plural, {})
        return [found[key] for key in sorted(found) if namespace in (None, key[0])]

    def create(self, plural: str, obj: Obj) -> Obj:
        """Add an object; gives it uid, creation time and version.

        Raises:
            ApiError: 409, the name is taken.
        """
        metadata = obj["metadata"]
        if self.find(plural, *_key(obj)) is not None:
            raise ApiError(409, "AlreadyExists", f'{plural} "{metadata["name"]}" already exists',
                           details={"name": metadata["name"], "kind": plural})  # fmt: skip
        metadata = {**metadata, "uid": str(uuid.uuid4()), "creationTimestamp": timestamp()}
        return self._put("ADDED", plural, {**obj, "metadata": metadata})

    def save(self, plural: str, obj: Obj) -> Obj:
        """Replace an object; saving it unchanged tells nobody anything."""
        before = self.get(plural, *_key(obj))
        return before if obj == before else self._put("MODIFIED", plural, obj)

    def remove(self, plural: str, obj: Obj) -> None:
        """Forget an object."""
        before = self._objects[plural].pop(_key(obj))
        self._path(plural, _key(obj)).unlink(missing_ok=True)
        self._publish("DELETED", plural, before, before)

    def _put(self, kind: Literal["ADDED", "MODIFIED"], plural: str, obj: Obj) -> Obj:
        before = self.find(plural, *_key(obj))
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version + 1)}}
        write_private(self._path(plural, _key(obj)), json.dumps(obj))
        self._objects.setdefault(plural, {})[_key(obj)] = obj
        self._publish(kind, plural, obj, before)
        return obj

    def _publish(
        self, kind: Literal["ADDED", "MODIFIED", "DELETED"], plural: str, obj: Obj, before: Obj | None
    ) -> None:
        self.version += 1
        if kind == "DELETED":
            obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}
        if len(self._history) == HISTORY:
            self._floor = self._history[0].version
        change = Change(kind, self.version, plural, obj, before)
        self._history.append(change)
        for queue in self._queues:
            queue.put_nowait(change)

    def _path(self, plural: str, key: Key) -> Path:
        return self._folder / plural / (key[0] or "_cluster") / f"{key[1]}.json"

    async def watch(self, plural: str, since: int | None) -> AsyncIterator[Change]:
        """The changes of one resource after version ``since``, as they come; without one, first what there is now.

        Ends when the store is closed.

        Raises:
            ApiError: 410, ``since`` is too long ago.
        """
        with self._queue() as queue:
            if since is None:
                backlog = [Change("ADDED", self.version, plural, obj, None) for obj in self.list(plural)]
            elif since < self._floor:
                raise ApiError(410, "Expired", f"too old resource version: {since} ({self._floor})")
            else:
                backlog = [change for change in self._history if change.version > since]
            for change in backlog:
                if change.plural == plural:
                    yield change
            while (latest := await queue.get()) is not None:
                if latest.plural == plural:
                    yield latest

    @contextmanager
    def _queue(self) -> Iterator[asyncio.Queue[Change | None]]:
        queue: asyncio.Queue[Change | None] = asyncio.Queue()
        if self._closed:
            queue.put_nowait(None)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def close(self) -> None:
        """End every watch."""
        self._closed = True
        for queue in self._queues:
            queue.put_nowait(None)


def _key(obj: Obj) -> Key:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
