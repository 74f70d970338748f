"""From a request's instances to its answers: features, split, models, and the champion when the challenger fails."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from airworthy.errors import AirworthyError
from airworthy.model import kinds
from airworthy.serving.answer.batcher import QueueFull
from airworthy.serving.answer.challenger import Attempt, ChallengerWorker
from airworthy.serving.answer.champion import ChampionWorker, FeatureReader, OnlineStoreAway, Pass, PassResult
from airworthy.serving.answer.rows import Mask, Prediction, Predictions, RequestRows
from airworthy.serving.follow.active import LoadedVersion
from airworthy.serving.refused import Refused, bad_instance, shown
from airworthy.traffic.split import variant

if TYPE_CHECKING:
    from airworthy.serving.follow.active import ActiveModels
    from airworthy.serving.metrics import ServiceMetrics
    from airworthy.serving.options import ServiceOptions
    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger(__name__)

FLOAT32_MAX = 3.4028234e38


class Predictor:
    """Answers the requests for one pipeline. To be used from one event loop.

    Args:
        spec: the pipeline.
        code: its ``features`` module.
        features: the online store.
        active: what serves now.
    """

    def __init__(
        self,
        spec: PipelineSpec,
        code: ModuleType,
        features: FeatureReader,
        active: Callable[[], ActiveModels],
        metrics: ServiceMetrics,
        options: ServiceOptions,
    ) -> None:
        self.spec = spec
        self._output = kinds.of(spec).output
        self._request = code.request_features
        self._prediction_times = code.prediction_times
        self._active = active
        self._metrics = metrics
        self._options = options
        self._champion = ChampionWorker(spec, features, metrics, options)
        self._challenger: ChallengerWorker | None = None
        self._patience = spec.release.max_p95_ms / 1000 * options.patience

    async def predict(self, instances: list[dict[str, Any]], arrived: float) -> Predictions:
        """Answer every instance.

        Two passes at most: the champion's first, which reads every row's features and answers the champion's rows; and,
        for the rows that the challenger failed, a second one.

        Args:
            instances: parsed and of the right shape.
            arrived: ``time.perf_counter()`` when the request came in.

        Raises:
            Refused: 422 bad instance, 500 the champion failed, 503 no champion, too busy or features away.
        """
        active = self._active()
        if active.champion is None:
            why = f": {active.problem}" if active.problem else ""
            raise self._failed(503, "no_champion", f"no version of {self.spec.name} serves yet{why}")
        rows = self._rows(active, instances)
        # a challenger that does not load gets no try: its share goes to the champion at once
        tried = active.challenger if isinstance(active.challenger, LoadedVersion) and rows.share.any() else None
        first = await self._pass(Pass(rows, ~rows.share if tried else None))
        answers, fell_back = first.answers, rows.share
        if tried:
            answers, fell_back = await self._with_challenger(tried, rows, first)
        missing = np.isnan(answers).tolist()
        self._count(rows, missing, fell_back.tolist(), time.perf_counter() - arrived)
        if True in missing:
            bad = missing.index(True)
            why = f"instances[{bad}]: version {active.champion.version} gave no {self._output}"
            raise self._failed(500, "no_answer", why, instance=bad)
        return _predictions(rows, first.online, answers, fell_back)

    def close(self) -> None:
        """Let the workers' threads end."""
        self._champion.close()
        if self._challenger is not None:
            self._challenger.close()

    def _rows(self, active: ActiveModels, instances: list[dict[str, Any]]) -> RequestRows:
        own, entities, at = self._request_features(instances)
        check_finite(own, self.spec.features.request.numeric)
        keys = [instance["key"] for instance in instances]
        variants = [variant(key, active.release, active.percent) for key in keys]
        share = np.array([each == "challenger" for each in variants])
        return RequestRows(active, keys, variants, own, entities, at, share)

    def _request_features(
        self, instances: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, str | None]], list[float]]:
        try:
            return self._features_of(instances)
        except AirworthyError as error:
            if len(instances) == 1:
                raise _refusal(0, error) from error
            for index, instance in enumerate(instances):
                try:
                    self._features_of([instance])
                except AirworthyError as one:
                    raise _refusal(index, one) from one
            raise self._failed(500, "features", str(error)) from error
        except Exception as error:
            log.exception("%s: request_features failed", self.spec.name)
            raise self._failed(500, "features", f"the pipeline's request_features failed: {error!r:.200}") from error

    def _features_of(self, instances: list[dict[str, Any]]) -> Any:
        own, entities = self._request(instances)
        # features are as of the prediction time, as in training; nobody knows more than what is known now
        now = time.time()
        asked = self._prediction_times(instances, self.spec.prediction_lead_minutes)
        return own, entities, [min(moment, now) for moment in asked]

    async def _pass(self, wanted: Pass) -> PassResult:
        try:
            job = self._champion.submit(wanted)
        except QueueFull as error:
            raise self._failed(503, "busy", "too many requests are waiting", next_step="try again later") from error
        try:
            async with asyncio.timeout(self._options.answer_seconds):
                return await job.done
        except TimeoutError as error:
            self._champion.give_up(job)
            raise self._failed(503, "timeout", f"no answer within {self._options.answer_seconds:g} s") from error
        except OnlineStoreAway as error:
            raise self._failed(503, "features_away", error.message, next_step=error.next_step) from error

    async def _with_challenger(
        self, challenger: LoadedVersion, rows: RequestRows, first: PassResult
    ) -> tuple[NDArray[np.float64], Mask]:
        """The first pass's answers with the challenger's in its share, and where it failed the champion's.

        Returns:
            The answers [n], and the rows [n] that the challenger failed.
        """
        if self._challenger is None or self._challenger.challenger is not challenger:
            if self._challenger is not None:
                self._challenger.close()
            self._challenger = ChallengerWorker(challenger, self.spec.name, self._options)
        attempt = Attempt(*rows.masked(rows.share, first.online))
        answers = first.answers.copy()
        if (answered := await self._challenger.answers(attempt, self._patience)) is not None:
            answers[rows.share] = answered
        failed = rows.share & np.isnan(answers)
        if failed.any():
            second = await self._pass(Pass(rows, failed, first.online))
            answers[failed] = second.answers[failed]
        return answers, failed

    def _count(self, rows: RequestRows, missing: list[bool], fell_back: list[bool], seconds: float) -> None:
        active = rows.active
        counts: dict[tuple[str, str], int] = {}
        for which, unanswered, failed in zip(rows.variants, missing, fell_back, strict=True):
            outcome = "error" if unanswered else "fallback" if failed else "ok"
            counts[which, outcome] = counts.get((which, outcome), 0) + 1
        for which in set(rows.variants):
            model = active.champion if which == "champion" else active.challenger
            assert model is not None, "only those who serve get a share"
            counters = self._metrics.of(self.spec.name, active.release, which, model.version)
            for outcome, counter in (("ok", counters.ok), ("error", counters.error), ("fallback", counters.fallback)):
                if count := counts.get((which, outcome)):
                    counter.inc(count)
            counters.seconds.observe(seconds)

    def _failed(self, status: int, reason: str, message: str, **details: Any) -> Refused:
        self._metrics.failures.labels(self.spec.name, reason).inc()
        return Refused(status, reason, message, **details)


def check_finite(features: Sequence[Mapping[str, Any]], numeric: Sequence[str]) -> None:
    """Numbers must fit the model's float32; an infinity would come back as a nonsensical answer.

    Raises:
        Refused: 422, naming instance and field.
    """
    for index, row in enumerate(features):
        for name in numeric:
            value = row[name]
            if value is not None and not -FLOAT32_MAX <= value <= FLOAT32_MAX and not math.isnan(value):
                raise bad_instance(index, name, f"expected a number that fits 32-bit floats, found {shown(value)}")


def _predictions(
    rows: RequestRows, online: NDArray[np.float32], answers: NDArray[np.float64], fell_back: Mask
) -> Predictions:
    champion, challenger = rows.active.champion, rows.active.challenger
    assert champion is not None, "predict() refuses without a champion"
    versions = {"champion": champion.version, "challenger": challenger.version if challenger else 0}
    predictions = [
        Prediction(key, value, champion.version if failed else versions[which], which, failed)
        for key, value, which, failed in zip(
            rows.keys, answers.tolist(), rows.variants, fell_back.tolist(), strict=True
        )
    ]
    return Predictions(predictions, rows, online)


def _refusal(index: int, error: AirworthyError) -> Refused:
    field, colon, problem = error.message.partition(": ")
    if colon and field.isidentifier():
        return bad_instance(index, field, problem, next_step=error.next_step)
    return bad_instance(index, None, error.message, next_step=error.next_step)
