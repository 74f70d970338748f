"""One pipeline as it is served, and all of them: what starts, answers and ends together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airworthy.errors import AirworthyError
from airworthy.serving.answer.predictor import Features, Predictor
from airworthy.serving.follow.cache import ModelCache, Models
from airworthy.serving.follow.follower import Broken, Follower, Serving
from airworthy.serving.log.prediction_log import PredictionLog
from airworthy.serving.metrics import Metrics
from airworthy.serving.options import ServiceOptions
from airworthy.spec import folders

if TYPE_CHECKING:
    from airworthy.lake.lake import Lake
    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger(__name__)


class NothingToServe(AirworthyError):
    """No pipeline folder can be served."""


@dataclass(frozen=True)
class Served:
    """One pipeline's parts."""

    spec: PipelineSpec
    follower: Follower
    predictor: Predictor
    log: PredictionLog

    def state(self) -> dict[str, object]:
        """What serves, for people and programs."""
        serving = self.follower.serving
        challenger = serving.challenger
        return {
            "model": self.spec.name,
            "champion": serving.champion.version if serving.champion else None,
            "challenger": challenger.version if challenger else None,
            "canary_percent": serving.percent,
            "release_id": serving.release,
            "registry_age_seconds": round(self.follower.staleness(), 1),
            "problem": serving.problem or (challenger.reason if isinstance(challenger, Broken) else None),
        }

    @property
    def ready(self) -> bool:
        """A champion answers; or the registry is known to have none yet, which no waiting here would change."""
        serving = self.follower.serving
        return serving.known and (serving.champion is not None or serving.problem is None)


class Service(Mapping[str, Served]):
    """Every pipeline that can be served, by name."""

    def __init__(self, served: list[Served], metrics: Metrics) -> None:
        self._served = {each.spec.name: each for each in served}
        self.metrics = metrics
        metrics.ages(
            "airworthy_registry_staleness_seconds",
            "Time since the registry last answered",
            ("model",),
            lambda: [((name,), each.follower.staleness()) for name, each in self._served.items()],
        )

    @classmethod
    def build(
        cls,
        settings: Settings,
        *,
        registry: Models,
        features: Callable[[PipelineSpec], Features],
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
        options, metrics = options or ServiceOptions(), Metrics()
        specs, broken = folders.discover(settings.pipelines)
        for each in broken:
            log.error("not served: %s", each.error)
        served = []
        for spec in specs:
            root = settings.home / "serving" / spec.name
            try:
                code = folders.code(settings.pipelines, spec.name, "features")
                online = features(spec)
                cache = ModelCache(root, spec.name, registry)
                follower = Follower(spec, registry, cache, metrics, options)
                predictor = Predictor(spec, code, online, _current(follower), metrics, options)
                prediction_log = PredictionLog(spec, lake, root / "spool", metrics, options)
            except Exception:
                log.exception("not served: %s", spec.name)
                continue
            served.append(Served(spec, follower, predictor, prediction_log))
        if not served:
            raise NothingToServe(
                f"no pipeline below {settings.pipelines} can be served",
                next_step="see the errors logged above; docs/runbook.md#serving-not-ready",
            )
        return cls(served, metrics)

    def start(self) -> None:
        """Begin to follow the registry and to write the logs."""
        for each in self._served.values():
            each.follower.start()
            each.log.start()

    def stop(self) -> None:
        """Write the logs and end."""
        for each in self._served.values():
            each.follower.stop()
            each.predictor.close()
            each.log.stop()

    def __getitem__(self, name: str) -> Served:
        return self._served[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._served)

    def __len__(self) -> int:
        return len(self._served)


def _current(follower: Follower) -> Callable[[], Serving]:
    return lambda: follower.serving
