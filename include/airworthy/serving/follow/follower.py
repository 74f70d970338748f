"""Follows the registry's aliases: fetches, checks and loads, and swaps only when models are warm."""

from __future__ import annotations

import logging
import random
import threading
import time
from typing import TYPE_CHECKING

from airworthy.model import contract
from airworthy.model.session import ModelBroken
from airworthy.registry import tags
from airworthy.registry.client import RegistryAway
from airworthy.serving.follow.active import ActiveModels, LoadedVersion
from airworthy.serving.follow.plan import Failure, in_use, outcome, plan, surplus

if TYPE_CHECKING:
    from airworthy.serving.follow.cache import ModelCache, ModelSource
    from airworthy.serving.metrics import ServiceMetrics
    from airworthy.serving.options import ServiceOptions
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.traffic.serving_state import ServingState
    from airworthy.traffic.variants import Variant

log = logging.getLogger(__name__)

NEXT_STEP = "roll it back, and look at its artifacts in MLflow; docs/runbook.md#model-refused"


class Follower:
    """Polls the registry for one model, in a thread of its own, and carries out what `plan` says.

    The registry is away: what serves goes on serving; at a start, the last known models from disk. A new version gets
    requests only after it was fetched and kept `airworthy.model.contract`, which runs it.

    Attributes:
        active: what answers now.
    """

    def __init__(
        self,
        spec: PipelineSpec,
        registry: ModelSource,
        cache: ModelCache,
        metrics: ServiceMetrics,
        options: ServiceOptions,
    ) -> None:
        self.spec = spec
        self.active = ActiveModels()
        self._registry = registry
        self._cache = cache
        self._metrics = metrics
        self._options = options
        self._loaded: dict[int, LoadedVersion] = {}
        self._failures: dict[int, Failure] = {}
        self._followed: ServingState | None = None
        self._away = False
        self._born = time.monotonic()
        self._confirmed_at: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"follow {spec.name}", daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def stop(self) -> None:
        """Poll no more."""
        self._stop.set()

    def staleness(self) -> float:
        """Seconds since the registry last answered, or since the start."""
        return time.monotonic() - (self._born if self._confirmed_at is None else self._confirmed_at)

    def poll(self) -> None:
        """Ask once and follow."""
        try:
            self._follow(self._registry.aliases.serving_state(self.spec.name), offline=False)
        except RegistryAway as away:
            if not self._away:
                log.warning("%s: the registry is away, serving goes on: %s", self.spec.name, away.message)
            self._away = True
            if not self.active.known and (remembered := self._cache.remembered()) is not None:
                self._follow(remembered, offline=True)
            return
        self._confirmed_at = time.monotonic()
        self._away = False

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.poll()
            except Exception:
                log.exception("%s: following the registry failed; trying again", self.spec.name)
            # spread out, so that replicas that were started together do not ask together
            self._stop.wait(self._options.poll_seconds * random.uniform(0.8, 1.2))

    def _follow(self, wanted: ServingState, *, offline: bool) -> None:
        todo = plan(
            wanted,
            followed=self._followed,
            loaded=self._loaded,
            failures=self._failures,
            now=time.monotonic(),
        )
        if todo.idle:
            return
        for version, variant in todo.load:
            self._load(version, variant, offline)
        new = outcome(wanted, before=self.active, loaded=self._loaded, failures=self._failures, offline=offline)
        self._swap(new)
        self._release(in_use(wanted, new), wanted, offline)

    def _load(self, version: int, variant: Variant, offline: bool) -> None:
        """Bring a version into memory, or note why it is not.

        Raises:
            RegistryAway: it has to be fetched and the registry does not answer.
        """
        try:
            self._loaded[version] = self._load_or_raise(version, offline)
        except RegistryAway:
            raise
        except Exception as error:
            why = error.message if isinstance(error, ModelBroken) else f"{type(error).__name__}: {error}"
            reason = f"version {version} does not serve: {why}"
            log.error("%s: %s; %s", self.spec.name, reason, NEXT_STEP)
            self._metrics.load_failures.labels(self.spec.name, variant, version).inc()
            self._failures[version] = Failure.after(
                reason, self._failures.get(version), now=time.monotonic(), first_delay=self._options.reload_seconds
            )
            if not offline:
                self._cache.forget(version)  # fetched again next time, in case the files were damaged on the way
            return
        self._failures.pop(version, None)

    def _load_or_raise(self, version: int, offline: bool) -> LoadedVersion:
        cached = self._cache.get(version, offline=offline)
        report = contract.check(cached.folder, self.spec)
        if report.model is None:
            raise ModelBroken(report.problem)
        data_version = cached.tags.get(tags.DATA_VERSION, "")
        return LoadedVersion.of(report.model, self.spec, version=version, data_version=data_version)

    def _swap(self, new: ActiveModels) -> None:
        name, old = self.spec.name, self.active
        for variant, model in (("champion", new.champion), ("challenger", new.challenger)):
            if model is not None:
                self._metrics.of(name, new.release, variant, model.version)  # there, as 0, before its first request
            self._metrics.serving_version.labels(name, variant).set(model.version if model else 0)
        self._metrics.canary_percent.labels(name).set(new.percent)
        self.active = new
        if str(old) != str(new) or not old.known:
            log.info("%s: %s", name, new)

    def _release(self, used: frozenset[int], wanted: ServingState, offline: bool) -> None:
        """Let go of what is not used; with the registry's word, remember the aliases and clear the disk."""
        self._loaded = {version: loaded for version, loaded in self._loaded.items() if version in used}
        self._failures = {version: failure for version, failure in self._failures.items() if version in used}
        if not offline:
            self._followed = wanted
            self._cache.remember(wanted)
            for version in surplus(self._cache.versions(), used, self._options.kept_models):
                self._cache.forget(version)
