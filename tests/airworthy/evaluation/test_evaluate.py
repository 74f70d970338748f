"""Evaluating a training; the whole of it against a real MLflow server is in training/test_end_to_end.py."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from small_training import Small

from airworthy.evaluation.evaluate import evaluate, judge
from airworthy.evaluation.rivals import Champion, Rivals
from airworthy.registry import tags as names
from airworthy.registry.client import NotInRegistry
from airworthy.registry.versions import NotRegistrable
from airworthy.spec.pipeline import PipelineSpec
from airworthy.training import dataset


def test_a_training_that_has_not_finished_or_not_begun_is_not_evaluated(small: Callable[..., Small]) -> None:
    made = small()
    with pytest.raises(NotInRegistry, match="run 1"):
        evaluate(made.spec, made.settings, "run 1")
    made.registry.runs.open(made.spec.name, "run 1", {names.DATA_VERSION: str(made.version)})
    with pytest.raises(NotRegistrable, match="no finished model"):
        evaluate(made.spec, made.settings, "run 1")


def test_every_rival_is_measured_on_the_same_rows_and_compared_with_the_candidate(
    small_spec: Callable[..., PipelineSpec], table: pa.Table
) -> None:
    spec = small_spec()
    snapshot = dataset.split(spec, table, 7)
    labels = dataset.labels(spec, snapshot.holdout).astype(np.float64)
    good = 0.2 + 0.5 * labels + np.random.default_rng(0).normal(0, 0.1, labels.size)
    run = SimpleNamespace(
        data=SimpleNamespace(tags={names.TRAIN_RUN: "run 1", names.DATA_VERSION: "7"}),
        info=SimpleNamespace(run_id="m1"),
    )
    scored = Rivals(labels, good, 0.25, np.full(labels.size, 0.4), Champion(3, False, good))
    found = judge(spec, run, snapshot, scored)  # type: ignore[arg-type]
    assert (found.task, found.train_run, found.run_id, found.data_version) == ("binary", "run 1", "m1", "7")
    assert found.average_answer == 0.25
    assert {f.rows for f in (found.candidate, found.average)} == {labels.size}
    assert found.lightgbm is not None and found.lightgbm.difference is not None
    assert found.lightgbm.difference.low is not None and found.lightgbm.difference.low > 0
    assert found.champion is not None and found.champion.difference is not None
    assert (found.champion.version, found.champion.difference.value) == (3, 0)
    assert [part.value for part in found.slices] == ["EWR", "JFK"]
    assert any("know the label" in doubt for doubt in found.doubts)
