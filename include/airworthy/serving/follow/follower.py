"""Follows the registry's aliases: what serves now is one immutable value, swapped only when models are warm."""

from __future__ import annotations

import logging
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airworthy.model.session import Model, ModelBroken
from airworthy.registry.client import RegistryAway
from airworthy.traffic.serving_state import ServingState

if TYPE_CHECKING:
    from airworthy.serving.follow.cache import ModelCache, Models
    from airworthy.serving.metrics import Metrics
    from airworthy.serving.options import ServiceOptions
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.traffic.variants import Variant

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Broken:
    """A challenger that does not load. It keeps its share: every request of it is a canary error."""

    version: int
    reason: str


@dataclass(frozen=True)
class Serving:
    """What answers requests at one moment.

    Attributes:
        known: the registry was asked once, or its last known state was found on disk.
        problem: why the champion is not the one that the registry asks for.
    """

    champion: Model | None = None
    challenger: Model | Broken | None = None
    percent: float = 0.0
    release_id: str | None = None
    known: bool = False
    problem: str | None = None

    @property
    def release(self) -> str | None:
        """The release whose canary runs; None without one."""
        return self.release_id if self.challenger is not None and self.percent > 0 else None


class Follower:
    """Polls the registry for one model, in a thread of its own.

    - The registry is away: what serves goes on serving; at a start, the last known models from disk.
    - A new version gets requests only after it was fetched, loaded and run once.
    - A new champion that does not load: the old one goes on serving, and says so.
    - A challenger that does not load: see :class:`Broken`.
    """

    def __init__(
        self, spec: PipelineSpec, registry: Models, cache: ModelCache, metrics: Metrics, options: ServiceOptions
    ) -> None:
        self.spec = spec
        self.serving = Serving()
        self.confirmed_at: float | None = None  # monotonic
        self._registry = registry
        self._cache = cache
        self._metrics = metrics
        self._options = options
        self._models: dict[int, Model] = {}
        self._failed: dict[int, tuple[str, float, float]] = {}  # version: (reason, when to try again, delay)
        self._away = False
        self._asked: ServingState | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow {spec.name}", daemon=True)
        self._born = time.monotonic()

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def stop(self) -> None:
        """Poll no more."""
        self._stop.set()

    def staleness(self) -> float:
        """Seconds since the registry last answered, or since the start."""
        return time.monotonic() - (self._born if self.confirmed_at is None else self.confirmed_at)

    def poll(self) -> None:
        """Ask once and follow."""
        try:
            state = self._registry.aliases.serving_state(self.spec.name)
            self._follow(state, offline=False)
        except RegistryAway as away:
            if not self._away:
                log.warning("%s: the registry is away, serving goes on: %s", self.spec.name, away.message)
            self._away = True
            if not self.serving.known and (remembered := self._cache.remembered()) is not None:
                self._follow(remembered, offline=True)
            return
        self.confirmed_at = time.monotonic()
        self._away = False

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.poll()
            except Exception:
                log.exception("%s: following the registry failed; trying again", self.spec.name)
            # spread out, so that replicas that were started together do not ask together
            self._stop.wait(self._options.poll_seconds * random.uniform(0.8, 1.2))

    def _follow(self, state: ServingState, *, offline: bool) -> None:
        now = time.monotonic()
        due = any(when <= now for version, (_, when, _) in self._failed.items() if version in _versions(state))
        if state == self._asked and not due:
            return
        champion, problem = self._champion(state, offline)
        challenger = self._model(state.challenger, "challenger", offline) if state.challenger is not None else None
        if isinstance(challenger, Broken) and offline:
            challenger = None  # not fetched before the restart: it cannot be judged yet
        self._swap(
            Serving(
                champion,
                challenger,
                state.canary_percent if challenger is not None else 0.0,
                state.release_id,
                known=True,
                problem=problem,
            )
        )
        in_use = {*_versions(state), *([champion.version] if champion else [])}
        self._models = {version: model for version, model in self._models.items() if version in in_use}
        self._failed = {version: why for version, why in self._failed.items() if version in in_use}
        if not offline:
            self._asked = state
            self._cache.remember(state)
            self._cache.prune(in_use, self._options.kept_models)

    def _champion(self, state: ServingState, offline: bool) -> tuple[Model | None, str | None]:
        if state.champion is None:
            return None, None
        wanted = self._model(state.champion, "champion", offline)
        if isinstance(wanted, Model):
            return wanted, None
        return self.serving.champion, wanted.reason

    def _model(self, version: int, variant: Variant, offline: bool) -> Model | Broken:
        """The warm model, or why there is none.

        Raises:
            RegistryAway: it has to be fetched and the registry does not answer.
        """
        if (model := self._models.get(version)) is not None:
            return model
        reason, again, delay = self._failed.get(version, ("", 0.0, self._options.reload_seconds))
        if time.monotonic() < again:
            return Broken(version, reason)
        try:
            cached = self._cache.get(version, offline=offline)
            data_version = cached.tags.get("airworthy.data_version", "")
            model = Model.load(cached.folder, version=version, data_version=data_version, spec=self.spec)
        except RegistryAway:
            raise
        except Exception as error:
            reason = error.message if isinstance(error, ModelBroken) else f"{type(error).__name__}: {error}"
            log.error("%s version %s does not serve: %s", self.spec.name, version, reason)
            self._metrics.load_failures.labels(self.spec.name, variant, version).inc()
            self._failed[version] = (reason, time.monotonic() + delay, min(2 * delay, 60.0))
            if not offline:
                self._cache.forget(version)  # fetched again next time, in case the files were damaged on the way
            return Broken(version, reason)
        self._models[version] = model
        self._failed.pop(version, None)
        return model

    def _swap(self, new: Serving) -> None:
        name, old = self.spec.name, self.serving
        if new.champion is not None:
            self._metrics.of(name, new.release, "champion", new.champion.version)
        if new.challenger is not None:
            self._metrics.of(name, new.release, "challenger", new.challenger.version)
        self._metrics.serving_version.labels(name, "champion").set(new.champion.version if new.champion else 0)
        self._metrics.serving_version.labels(name, "challenger").set(new.challenger.version if new.challenger else 0)
        self._metrics.canary_percent.labels(name).set(new.percent)
        self.serving = new
        if describe(old) != describe(new) or not old.known:
            log.info("%s: %s", name, describe(new))


def describe(serving: Serving) -> str:
    """In words, for the log."""
    champion = f"champion v{serving.champion.version}" if serving.champion else "no champion"
    if serving.challenger is None:
        return champion
    broken = " (does not load)" if isinstance(serving.challenger, Broken) else ""
    return f"{champion}, challenger v{serving.challenger.version}{broken} gets {serving.percent:g} %"


def _versions(state: ServingState) -> set[int]:
    return {version for version in (state.champion, state.challenger) if version is not None}
