"""Model files on this machine, and the last known aliases: what lets the service start without MLflow."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from airworthy.registry import tags as names
from airworthy.traffic.serving_state import ServingState


class Aliases(Protocol):
    """What serves."""

    def serving_state(self, name: str) -> ServingState: ...


class Versions(Protocol):
    """What is known of a version."""

    def tags(self, name: str, version: int) -> dict[str, str]: ...


class Packages(Protocol):
    """A version's files."""

    def download(self, name: str, version: int, to: Path) -> Path: ...


class ModelSource(Protocol):
    """What the service needs of :class:`airworthy.registry.registry.Registry`."""

    @property
    def aliases(self) -> Aliases: ...

    @property
    def versions(self) -> Versions: ...

    @property
    def packages(self) -> Packages: ...


@dataclass(frozen=True)
class Cached:
    """A version's files, and the tags it had when they were fetched."""

    folder: Path
    tags: dict[str, str]


class ModelCache:
    """``<root>/models/<version>`` and ``<root>/state.json`` of one registered model.

    Everything appears whole or not at all, so a process killed half-way leaves nothing that is half there.
    """

    def __init__(self, root: Path, name: str, registry: ModelSource) -> None:
        self.name = name
        self._models = root / "models"
        self._state = root / "state.json"
        self._registry = registry
        self._models.mkdir(parents=True, exist_ok=True)
        for left_over in self._models.glob(".*"):  # of a process that was killed while it fetched
            shutil.rmtree(left_over, ignore_errors=True)

    def get(self, version: int, *, offline: bool = False) -> Cached:
        """The files of a version, fetched when they are not here.

        Args:
            version: in the registry.
            offline: use what is here without asking the registry.

        Raises:
            FileNotFoundError: ``offline``, and they are not here.
            RegistryAway: they have to be fetched and the registry does not answer.
        """
        folder = self._models / str(version)
        here = self._read(folder)
        if offline:
            if here is None:
                raise FileNotFoundError(f"{folder}: version {version} of {self.name} was never fetched")
            return here
        tags = self._registry.versions.tags(self.name, version)
        # a registry that was set up anew counts its versions from 1 again: the same number, another model
        if here is not None and here.tags.get(names.TRAIN_RUN) == tags.get(names.TRAIN_RUN):
            return here
        self.forget(version)
        fetching = Path(tempfile.mkdtemp(prefix=f".{version}-", dir=self._models))
        try:
            found = self._registry.packages.download(self.name, version, fetching / "download")
            (found / "tags.json").write_text(json.dumps(tags), encoding="utf-8")
            found.rename(folder)
        finally:
            shutil.rmtree(fetching, ignore_errors=True)
        return Cached(folder, tags)

    def forget(self, version: int) -> None:
        """Remove a version's files; the next :meth:`get` fetches them again."""
        folder = self._models / str(version)
        if folder.exists():
            doomed = folder.with_name(f".{version}-gone-{os.getpid()}")
            folder.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)

    def versions(self) -> frozenset[int]:
        """The versions whose files are here."""
        return frozenset(int(path.name) for path in self._models.iterdir() if path.name.isdigit())

    def remember(self, state: ServingState) -> None:
        """Write down the aliases for a start without the registry."""
        temporary = self._state.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(state)), encoding="utf-8")
        temporary.replace(self._state)

    def remembered(self) -> ServingState | None:
        """The aliases last written down; None if never, or unreadable."""
        try:
            return ServingState(**json.loads(self._state.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    @staticmethod
    def _read(folder: Path) -> Cached | None:
        try:
            return Cached(folder, json.loads((folder / "tags.json").read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return None
