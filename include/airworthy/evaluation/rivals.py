"""The candidate and the models it is measured against, on the same holdout rows."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from airworthy.model import kinds
from airworthy.model.encoder import Encoder, EncodingError
from airworthy.model.session import Model
from airworthy.training import dataset
from airworthy.training.launcher import cores

if TYPE_CHECKING:
    from airworthy.model.kinds.base import Kind
    from airworthy.registry.registry import Registry
    from airworthy.spec.pipeline import PipelineSpec
    from airworthy.training.dataset import Snapshot

Answers = NDArray[np.float64]

LIGHTGBM_TREES = 300
SCORING_BATCH = 8192


@dataclass(frozen=True)
class Champion:
    """Today's champion: its version, whether it is the always-average model, and its answers [n]."""

    version: int
    is_baseline: bool
    answers: Answers


@dataclass(frozen=True)
class Rivals:
    """Every model's answers to the n holdout rows, each [n].

    Attributes:
        labels: what really happened.
        average_answer: what the always-average baseline answers to every row.
        champion: None if there is none, or none that can be compared.
    """

    labels: Answers
    candidate: Answers
    average_answer: float
    lightgbm: Answers
    champion: Champion | None

    @property
    def average(self) -> Answers:
        """The always-average baseline's answers."""
        return np.full(self.labels.size, self.average_answer)

    @property
    def drawn(self) -> dict[str, Answers]:
        """The trained models by the name they have in pictures."""
        champion = {} if self.champion is None else {"champion": self.champion.answers}
        return {"candidate": self.candidate, "lightgbm": self.lightgbm, **champion}


def score(spec: PipelineSpec, registry: Registry, model_id: str, snapshot: Snapshot) -> Rivals:
    """Answer the snapshot's holdout with the candidate, the always-average baseline, a LightGBM and the champion.

    Args:
        model_id: MLflow's, of the candidate.
    """
    columns = dataset.features(spec, snapshot.holdout)
    with tempfile.TemporaryDirectory() as folder:
        candidate = Path(folder) / "candidate"
        registry.packages.fetch(model_id, candidate)
        return Rivals(
            labels=dataset.labels(spec, snapshot.holdout).astype(np.float64),
            candidate=answers(kinds.of(spec), candidate, columns),
            average_answer=kinds.of(spec).average(dataset.labels(spec, snapshot.train)),
            lightgbm=_lightgbm(spec, snapshot, Encoder.load(candidate), columns),
            champion=_champion(spec, registry, columns, Path(folder)),
        )


def answers(kind: Kind, model: Path, columns: Mapping[str, Any]) -> Answers:
    """A model's answers as serving would give them, [n]; NaN where the model gives none.

    Args:
        model: folder with ``model.onnx`` and ``preprocessing.json``.
        columns: as `dataset.features` gives them; they may be more than this model needs.

    Raises:
        EncodingError: a feature of this model has no column.
    """
    return Model.load(model, kind).answers(columns, batch_rows=SCORING_BATCH)


def _champion(spec: PipelineSpec, registry: Registry, columns: Mapping[str, Any], folder: Path) -> Champion | None:
    version = registry.aliases.get(spec.name, "champion")
    if version is None:
        return None
    is_baseline = registry.versions.get(spec.name, version).is_baseline
    try:
        found = answers(kinds.of(spec), registry.packages.download(spec.name, version, folder), columns)
    except EncodingError as error:
        # the spec has changed: the two cannot be compared, and that must not stop the new one
        print(f"champion v{version} is not compared: {error.message}", flush=True)
        return None
    return Champion(version, is_baseline, found)


def _lightgbm(spec: PipelineSpec, snapshot: Snapshot, encoder: Encoder, holdout: Mapping[str, Any]) -> Answers:
    """What gradient boosting makes of the very same rows, features and category codes."""
    import lightgbm

    def inputs(columns: Mapping[str, Any]) -> NDArray[np.float32]:
        categorical, numeric = encoder.encode(columns)
        return np.concatenate([categorical.astype(np.float32), numeric], axis=1)

    train = lightgbm.Dataset(
        inputs(dataset.features(spec, snapshot.train)),
        dataset.labels(spec, snapshot.train),
        categorical_feature=list(range(len(encoder.categorical))),
        free_raw_data=True,
    )
    options = {
        **kinds.of(spec).lightgbm,
        "learning_rate": 0.05,
        "num_leaves": 31,
        "min_data_in_leaf": 100,
        "deterministic": True,
        "force_row_wise": True,
        "seed": spec.training.seed,
        "num_threads": max(1, int(cores(spec.training.resources.cpu))),
        "verbose": -1,
    }
    booster = lightgbm.train(options, train, LIGHTGBM_TREES)
    return np.asarray(booster.predict(inputs(holdout)), np.float64)
