"""The champion's worker: looked-up features for every request, and the champion's answers to the rows it is asked."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from airworthy.errors import AirworthyError
from airworthy.model.session import Call
from airworthy.serving.answer.batcher import Job, MicroBatcher
from airworthy.serving.answer.rows import Mask, RequestRows, split_like

if TYPE_CHECKING:
    from airworthy.serving.metrics import ServiceMetrics
    from airworthy.serving.options import ServiceOptions
    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger(__name__)


class FeatureReader(Protocol):
    """What the service needs of :class:`airworthy.features.online.store.OnlineStore`."""

    def read(
        self, entity_keys: Sequence[dict[str, str | None]], at: Sequence[float] | None = None
    ) -> NDArray[np.float32]: ...


class OnlineStoreAway(AirworthyError):
    """The looked-up features could not be read."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One request's way through the worker.

    Attributes:
        asked: [n] rows that the champion is to answer, None for all; the features of the others are read all the same.
        online: view features [n, V], where an earlier pass has read them.
    """

    rows: RequestRows
    asked: Mask | None
    online: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, slots=True)
class PassResult:
    """What a pass gave.

    Attributes:
        online: view features [n, V], NaN where missing.
        answers: [n], NaN where the champion was not asked or gave no answer.
    """

    online: NDArray[np.float32]
    answers: NDArray[np.float64]


class ChampionWorker:
    """Reads features and asks the champion, for whatever requests have arrived, in a thread of its own.

    Args:
        spec: the pipeline.
        features: the online store.
    """

    def __init__(
        self, spec: PipelineSpec, features: FeatureReader, metrics: ServiceMetrics, options: ServiceOptions
    ) -> None:
        self._spec = spec
        self._features = features
        self._missing = metrics.missing_features
        self._batch_rows = metrics.batch_rows.labels(spec.name)
        widths = [len(view.features) for view in spec.features.views.values()]
        self._offsets = [sum(widths[:i]) for i in range(len(widths))]  # of each view's first column
        self._call: Call | None = None
        self._batcher: MicroBatcher[Pass, PassResult] = MicroBatcher(
            self._work, name=spec.name, max_batch=options.max_batch_rows, max_waiting=options.max_waiting
        )

    def submit(self, request: Pass) -> Job[Pass, PassResult]:
        """Let a pass be made; its job raises `OnlineStoreAway` when the features cannot be read.

        Raises:
            QueueFull: too many rows wait.
        """
        return self._batcher.submit(request)

    def give_up(self, job: Job[Pass, PassResult]) -> None:
        """End the model's call that this job waits for."""
        if self._call is not None:
            self._call.end_for(job.item)

    def close(self) -> None:
        """Let the thread end."""
        self._batcher.close()

    def _work(self, passes: Sequence[Pass]) -> Sequence[PassResult | Exception]:
        features = self._with_features(passes)
        answers = self._answers(passes, features)
        return [
            found if isinstance(found, OnlineStoreAway) else PassResult(found, answered)
            for found, answered in zip(features, answers, strict=True)
        ]

    def _with_features(self, passes: Sequence[Pass]) -> list[NDArray[np.float32] | OnlineStoreAway]:
        """The view features of each pass, read where they are missing."""
        unread = [each.rows for each in passes if each.online is None]
        read: Iterator[NDArray[np.float32] | OnlineStoreAway] = iter(())
        if unread:
            try:
                read = iter(self._read(unread))
            except Exception as error:
                log.warning("%s: the online store failed: %s", self._spec.name, error)
                read = repeat(OnlineStoreAway(f"the online feature store does not answer: {error!s:.200}"))
        return [next(read) if each.online is None else each.online for each in passes]

    def _read(self, requests: list[RequestRows]) -> list[NDArray[np.float32]]:
        keys = [entity for rows in requests for entity in rows.entities]
        online = self._features.read(keys, at=[moment for rows in requests for moment in rows.at])
        missing = np.isnan(online).sum(axis=0)
        if missing.any():
            for view, count in zip(self._spec.features.views, np.add.reduceat(missing, self._offsets), strict=True):
                if count:
                    self._missing.labels(self._spec.name, view).inc(count)
        return split_like(online, [len(rows) for rows in requests])

    def _answers(
        self, passes: Sequence[Pass], features: Sequence[NDArray[np.float32] | OnlineStoreAway]
    ) -> list[NDArray[np.float64]]:
        """Each pass's answers, in one call per version: while the champion changes, there may be two."""
        answers: dict[int, NDArray[np.float64]] = {}
        by_champion: dict[int, list[_Question]] = {}
        for number, (each, online) in enumerate(zip(passes, features, strict=True)):
            if not isinstance(online, OnlineStoreAway) and (each.asked is None or each.asked.any()):
                by_champion.setdefault(id(each.rows.active.champion), []).append(_Question(number, each, online))
        for questions in by_champion.values():
            try:
                answers |= self._ask(questions)
            except Exception as error:
                log.warning("%s: the champion failed: %s", self._spec.name, error)  # its rows are counted as errors
        return [answers[i] if i in answers else np.full(len(each), np.nan) for i, each in enumerate(passes)]

    def _ask(self, questions: Sequence[_Question]) -> dict[int, NDArray[np.float64]]:
        champion = questions[0].asks.rows.active.champion
        assert champion is not None, "the predictor refuses without a champion"
        inputs = [each.asks.rows.masked(each.asks.asked, each.online) for each in questions]
        own = [row for rows, _ in inputs for row in rows]
        self._call = Call([each.asks for each in questions])
        answered = champion.answers(own, np.concatenate([online for _, online in inputs]), self._call)
        self._batch_rows.observe(len(own))
        parts = split_like(answered, [len(rows) for rows, _ in inputs])
        return {each.number: _in_place(each.asks, part) for each, part in zip(questions, parts, strict=True)}


@dataclass(frozen=True, slots=True)
class _Question:
    """A pass of a batch, by its number in it, once its features are there."""

    number: int
    asks: Pass
    online: NDArray[np.float32]


def _in_place(request: Pass, answers: NDArray[np.float64]) -> NDArray[np.float64]:
    """The answers to the rows that were asked, as [n]."""
    if request.asked is None:
        return answers
    everyone = np.full(len(request), np.nan)
    everyone[request.asked] = answers
    return everyone
