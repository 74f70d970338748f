"""What answers requests at one moment: one immutable value, so that a request meets the same models all its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from airworthy.model.session import Call, Model
    from airworthy.spec.pipeline import PipelineSpec


@dataclass(frozen=True)
class LoadedVersion:
    """A version that is ready to answer.

    Attributes:
        version: in the registry.
        data_version: Delta version of the features it was trained on; for the prediction log.
        request_features, view_features: where the model's features come from, in the spec's order.
    """

    version: int
    data_version: str
    model: Model
    request_features: tuple[str, ...]
    view_features: tuple[str, ...]

    @classmethod
    def of(cls, model: Model, spec: PipelineSpec, *, version: int, data_version: str) -> LoadedVersion:
        """A model that keeps the contract, as this version of the pipeline."""
        request = spec.features.request
        views = tuple(name for view in spec.features.views.values() for name in view.features)
        return cls(version, data_version, model, (*request.categorical, *request.numeric), views)

    def answers(
        self, own: Sequence[Mapping[str, Any]], online: NDArray[np.float32], call: Call | None = None
    ) -> NDArray[np.float64]:
        """The answer to each of n rows; NaN where the model gives none.

        Args:
            own: the rows' own features, by name.
            online: view features [n, V] in the spec's order, NaN where missing.
            call: by which another thread can end it.

        Returns:
            [n].

        Raises:
            Exception: whatever ONNX Runtime or the encoder raise.
        """
        columns: dict[str, Any] = {name: [row[name] for row in own] for name in self.request_features}
        columns |= zip(self.view_features, online.T, strict=True)
        return self.model.answers(columns, call=call)


@dataclass(frozen=True)
class FailedVersion:
    """A challenger that does not load. It keeps its share: every request of it is a canary error."""

    version: int
    reason: str


@dataclass(frozen=True)
class ActiveModels:
    """The models that answer.

    Attributes:
        percent: the challenger's share.
        release_id: as the registry names it; see `release`.
        known: the registry was asked once, or its last known state was found on disk.
        problem: why the champion is not the one that the registry asks for.
    """

    champion: LoadedVersion | None = None
    challenger: LoadedVersion | FailedVersion | None = None
    percent: float = 0.0
    release_id: str | None = None
    known: bool = False
    problem: str | None = None

    @property
    def release(self) -> str | None:
        """The release whose canary runs; None without one."""
        return self.release_id if self.challenger is not None and self.percent > 0 else None

    def __str__(self) -> str:
        champion = f"champion v{self.champion.version}" if self.champion else "no champion"
        if self.challenger is None:
            return champion
        failed = " (does not load)" if isinstance(self.challenger, FailedVersion) else ""
        return f"{champion}, challenger v{self.challenger.version}{failed} gets {self.percent:g} %"
