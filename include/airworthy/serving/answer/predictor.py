"""From a request's instances to its answers: features, split, models, and the champion when the challenger fails."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from airworthy.errors import AirworthyError
from airworthy.model.session import Model, Run, stop
from airworthy.serving.answer.challenger import ChallengerLane
from airworthy.serving.answer.lane import Busy, Lane
from airworthy.serving.answer.rows import Answer, Prediction, Rows, split_like
from airworthy.serving.follow.follower import Broken, Serving
from airworthy.serving.http.request import Refused, check_finite
from airworthy.traffic.split import variant

if TYPE_CHECKING:
    from airworthy.serving.metrics import Metrics
    from airworthy.serving.options import ServiceOptions
    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger(__name__)


class Features(Protocol):
    """What the service needs of :class:`airworthy.features.online.store.OnlineStore`."""

    def read(
        self, entity_keys: Sequence[dict[str, str | None]], at: Sequence[float] | None = None
    ) -> NDArray[np.float32]: ...


class OnlineStoreAway(AirworthyError):
    """The looked-up features could not be read."""


class Predictor:
    """Answers the requests for one pipeline. To be used from one event loop.

    Args:
        spec: the pipeline.
        code: its ``features`` module.
        features: the online store.
        current: what serves now.
    """

    def __init__(
        self,
        spec: PipelineSpec,
        code: ModuleType,
        features: Features,
        current: Callable[[], Serving],
        metrics: Metrics,
        options: ServiceOptions,
    ) -> None:
        self.spec = spec
        self._request = code.request_features
        self._prediction_times = code.prediction_times
        self._features = features
        self._current = current
        self._metrics = metrics
        self._options = options
        self._canary: ChallengerLane | None = None
        self._champion = Lane(
            self._work, name=spec.name, max_batch=options.max_batch_rows, max_waiting=options.max_waiting
        )
        self._patience = spec.release.max_p95_ms / 1000 * options.patience
        widths = [len(view.features) for view in spec.features.views.values()]
        self._offsets = [sum(widths[:i]) for i in range(len(widths))]  # of each view's first column
        self._running: Run | None = None
        self._batch_rows = metrics.batch_rows.labels(spec.name)

    async def predict(self, instances: list[dict[str, Any]], arrived: float) -> Answer:
        """Answer every instance.

        Args:
            instances: parsed and of the right shape.
            arrived: ``time.perf_counter()`` when the request came in.

        Raises:
            Refused: 422 bad instance, 500 the champion failed, 503 no champion, too busy or features away.
        """
        serving = self._current()
        if serving.champion is None:
            why = f": {serving.problem}" if serving.problem else ""
            raise self._failed(503, "no_champion", f"no version of {self.spec.name} serves yet{why}")
        rows = self._rows(serving, instances)
        await self._on_champion(rows)
        fell_back = await self._on_challenger(rows)
        self._count(rows, fell_back, time.perf_counter() - arrived)
        if (bad := np.flatnonzero(np.isnan(rows.probability))).size:
            raise self._failed(
                500,
                "no_answer",
                f"instances[{bad[0]}]: version {serving.champion.version} gave no probability",
                instance=int(bad[0]),
            )
        return self._answer(rows, fell_back)

    def close(self) -> None:
        """Let the lanes' threads end."""
        self._champion.close()
        if self._canary is not None:
            self._canary.lane.close()

    def _rows(self, serving: Serving, instances: list[dict[str, Any]]) -> Rows:
        own, entities, at = self._request_features(instances)
        check_finite(own, self.spec.features.request.numeric)
        keys = [instance["key"] for instance in instances]
        variants = [variant(key, serving.release, serving.percent) for key in keys]
        # a challenger that does not load gets no try: its share goes to the champion at once
        broken = not isinstance(serving.challenger, Model)
        todo = np.array([broken or each == "champion" for each in variants])
        return Rows(serving, keys, variants, own, entities, at, todo, np.full(len(keys), np.nan))

    def _request_features(
        self, instances: list[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[dict[str, str | None]], list[float]]:
        try:
            return self._features_of(instances)
        except AirworthyError as error:
            if len(instances) == 1:
                raise _bad_instance(0, error) from error
            for index, instance in enumerate(instances):
                try:
                    self._features_of([instance])
                except AirworthyError as one:
                    raise _bad_instance(index, one) from one
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

    async def _on_champion(self, rows: Rows) -> None:
        try:
            async with asyncio.timeout(self._options.answer_seconds):
                await self._champion.submit(rows)
        except TimeoutError as error:
            stop(self._running, rows)
            raise self._failed(503, "timeout", f"no answer within {self._options.answer_seconds:g} s") from error
        except Busy as error:
            raise self._failed(503, "busy", "too many requests are waiting", next_step="try again later") from error
        except OnlineStoreAway as error:
            raise self._failed(503, "features_away", error.message, next_step=error.next_step) from error
        except Exception as error:
            log.warning("%s: the champion failed: %s", self.spec.name, error)  # its rows are counted as errors

    async def _on_challenger(self, rows: Rows) -> NDArray[np.bool_]:
        """Ask the challenger for its share; where it gives nothing, the champion. Returns the rows it failed."""
        challenger, share = rows.serving.challenger, np.array([each == "challenger" for each in rows.variants])
        if challenger is None or not share.any():
            return np.zeros(len(rows), bool)
        if isinstance(challenger, Broken):
            return share  # the champion has answered already
        if rows.online is None:
            return np.zeros(len(rows), bool)  # never came as far as a model: not the challenger's fault
        if self._canary is None or self._canary.model is not challenger:
            if self._canary is not None:
                self._canary.lane.close()
            self._canary = ChallengerLane(challenger, self.spec.name, self._options)
        rows.todo = share
        own, online = rows.need()
        answer = await self._canary.answer(own, online, self._patience)
        if answer is not None:
            rows.probability[share] = answer
        failed = share & np.isnan(rows.probability)
        if failed.any():
            rows.todo = failed
            await self._on_champion(rows)
        return failed

    def _work(self, batch: Sequence[Rows]) -> Sequence[Exception | None]:
        """In the champion's thread: read features where they are missing, then one model call per version."""
        errors: dict[int, Exception] = {}
        unread = [i for i, rows in enumerate(batch) if rows.online is None]
        if unread:
            try:
                self._read([batch[i] for i in unread])
            except Exception as error:
                log.warning("%s: the online store failed: %s", self.spec.name, error)
                away = OnlineStoreAway(f"the online feature store does not answer: {error!s:.200}")
                errors |= dict.fromkeys(unread, away)
        by_model: dict[int, list[int]] = {}
        for i, rows in enumerate(batch):
            if i not in errors and rows.todo.any():
                by_model.setdefault(id(rows.serving.champion), []).append(i)
        for indices in by_model.values():
            try:
                self._ask([batch[i] for i in indices])
            except Exception as error:
                errors |= dict.fromkeys(indices, error)
        return [errors.get(i) for i in range(len(batch))]

    def _read(self, batch: list[Rows]) -> None:
        keys = [entity for rows in batch for entity in rows.entities]
        online = self._features.read(keys, at=[moment for rows in batch for moment in rows.at])
        for rows, part in zip(batch, split_like(online, [len(rows) for rows in batch]), strict=True):
            rows.online = part
        missing = np.isnan(online).sum(axis=0)
        if missing.any():
            for view, count in zip(self.spec.features.views, np.add.reduceat(missing, self._offsets), strict=True):
                if count:
                    self._metrics.missing_features.labels(self.spec.name, view).inc(count)

    def _ask(self, batch: list[Rows]) -> None:
        model = batch[0].serving.champion
        assert model is not None, "predict() refuses without a champion"
        needs = [rows.need() for rows in batch]
        own = [row for rows, _ in needs for row in rows]
        self._running = Run(batch)
        answer = model.predict(own, np.concatenate([online for _, online in needs]), self._running.options)
        for rows, part in zip(batch, split_like(answer, [len(own) for own, _ in needs]), strict=True):
            rows.probability[rows.todo] = part
        self._batch_rows.observe(len(own))

    def _answer(self, rows: Rows, fell_back: NDArray[np.bool_]) -> Answer:
        champion, challenger = rows.serving.champion, rows.serving.challenger
        assert champion is not None, "predict() refuses without a champion"
        versions = {"champion": champion.version, "challenger": challenger.version if challenger else 0}
        predictions = [
            Prediction(key, probability, champion.version if fallback else versions[which], which, fallback)
            for key, probability, which, fallback in zip(
                rows.keys, rows.probability.tolist(), rows.variants, fell_back.tolist(), strict=True
            )
        ]
        return Answer(predictions, rows.serving.release, rows.serving, rows)

    def _count(self, rows: Rows, fell_back: NDArray[np.bool_], seconds: float) -> None:
        serving = rows.serving
        counts: dict[tuple[str, str], int] = {}
        for which, missing, failed in zip(
            rows.variants, np.isnan(rows.probability).tolist(), fell_back.tolist(), strict=True
        ):
            outcome = "error" if missing else "fallback" if failed else "ok"
            counts[which, outcome] = counts.get((which, outcome), 0) + 1
        for which in set(rows.variants):
            model = serving.champion if which == "champion" else serving.challenger
            assert model is not None, "only those who serve get a share"
            counters = self._metrics.of(self.spec.name, serving.release, which, model.version)
            for outcome, counter in (("ok", counters.ok), ("error", counters.error), ("fallback", counters.fallback)):
                if count := counts.get((which, outcome)):
                    counter.inc(count)
            counters.seconds.observe(seconds)

    def _failed(self, status: int, reason: str, message: str, **details: Any) -> Refused:
        self._metrics.failures.labels(self.spec.name, reason).inc()
        return Refused(status, reason, message, **details)


def _bad_instance(index: int, error: AirworthyError) -> Refused:
    field_name, _, _ = error.message.partition(":")
    return Refused(
        422,
        "bad_instance",
        f"instances[{index}].{error.message}",
        instance=index,
        field=field_name if field_name.isidentifier() else None,
        next_step=error.next_step,
    )
