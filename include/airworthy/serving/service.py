"""One pipeline as it is served, and all of them: what starts, answers and ends together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from airworthy.errors import AirworthyError
from airworthy.model import kinds
from airworthy.serving.answer.predictor import Predictor
from airworthy.serving.follow.active import ActiveModels, FailedVersion
from airworthy.serving.follow.cache import ModelCache, ModelSource
from airworthy.serving.follow.follower import Follower
from airworthy.serving.log.writer import PredictionLogWriter
from airworthy.serving.metrics import ServiceMetrics
from airworthy.serving.options import ServiceOptions
from airworthy.spec import folders

if TYPE_CHECKING:
    from airworthy.lake.lake import Lake
    from airworthy.model.kinds.base import Kind
    from airworthy.serving.answer.champion import FeatureReader
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger(__name__)


class NothingToServe(AirworthyError):
    """No pipeline folder can be served."""


@dataclass(frozen=True)
class Endpoint:
    """One pipeline as it is served: its parts.

    Attributes:
        kind: names what its models answer.
        example: an instance that its ``request_features`` takes.
    """

    spec: PipelineSpec
    kind: Kind
    example: Mapping[str, Any]
    follower: Follower
    predictor: Predictor
    log: PredictionLogWriter

    def state(self) -> dict[str, object]:
        """What serves, for people and programs."""
        active = self.follower.active
        challenger = active.challenger
        return {
            "model": self.spec.name,
            "champion": active.champion.version if active.champion else None,
            "challenger": challenger.version if challenger else None,
            "canary_percent": active.percent,
            "release_id": active.release,
            "registry_age_seconds": round(self.follower.staleness(), 1),
            "problem": active.problem or (challenger.reason if isinstance(challenger, FailedVersion) else None),
        }

    @property
    def ready(self) -> bool:
        """A champion answers; or the registry is known to have none yet, which no waiting here would change."""
        active = self.follower.active
        return active.known and (active.champion is not None or active.problem is None)


class Service(Mapping[str, Endpoint]):
    """Every pipeline that can be served, by name."""

    def __init__(self, endpoints: list[Endpoint], metrics: ServiceMetrics) -> None:
        self._endpoints = {each.spec.name: each for each in endpoints}
        self.metrics = metrics
        metrics.staleness(lambda: [(name, each.follower.staleness()) for name, each in self._endpoints.items()])

    @classmethod
    def build(
        cls,
        settings: Settings,
        *,
        registry: ModelSource,
        features: Callable[[PipelineSpec], FeatureReader],
        lake: Lake,
        options: ServiceOptions | None = None,
    ) -> Service:
        """All pipelines below ``settings.pipelines``; a broken folder is reported and left out.

        Args:
            settings: addresses.
            registry: where the models come from.
            features: opens a pipeline's online store.
            lake: takes the prediction log.
            options: limits and intervals.

        Raises:
            NothingToServe: not one folder is sound.
        """
        options, metrics = options or ServiceOptions(), ServiceMetrics()
        specs, broken = folders.discover(settings.pipelines)
        for each in broken:
            log.error("not served: %s", each.error)
        endpoints = []
        for spec in specs:
            root = settings.home / "serving" / spec.name
            try:
                code = folders.code(settings.pipelines, spec.name, "features")
                online = features(spec)
                cache = ModelCache(root, spec.name, registry)
                follower = Follower(spec, registry, cache, metrics, options)
                predictor = Predictor(spec, code, online, _active(follower), metrics, options)
                prediction_log = PredictionLogWriter(spec, lake, root / "spool", metrics, options)
            except Exception:
                log.exception("not served: %s", spec.name)
                continue
            endpoints.append(Endpoint(spec, kinds.of(spec), _example(code), follower, predictor, prediction_log))
        if not endpoints:
            raise NothingToServe(
                f"no pipeline below {settings.pipelines} can be served",
                next_step="see the errors logged above; docs/runbook.md#serving-not-ready",
            )
        return cls(endpoints, metrics)

    def start(self) -> None:
        """Begin to follow the registry and to write the logs."""
        for each in self._endpoints.values():
            each.follower.start()
            each.log.start()

    def stop(self) -> None:
        """Write the logs and end."""
        for each in self._endpoints.values():
            each.follower.stop()
            each.predictor.close()
            each.log.stop()

    def __getitem__(self, name: str) -> Endpoint:
        return self._endpoints[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._endpoints)

    def __len__(self) -> int:
        return len(self._endpoints)


def _example(code: ModuleType) -> Mapping[str, Any]:
    """The pipeline's own ``REQUEST_EXAMPLE``, or the one field that every instance has."""
    return getattr(code, "REQUEST_EXAMPLE", {"key": "..."})


def _active(follower: Follower) -> Callable[[], ActiveModels]:
    return lambda: follower.active
