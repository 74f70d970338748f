"""The models a candidate is measured against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_registry import FakeRegistry
from small_models import SPEC, write

from airworthy.evaluation import rivals
from airworthy.evaluation.rivals import Champion, Rivals
from airworthy.model import kinds
from airworthy.model.encoder import Encoder

ROWS = 20


def columns() -> dict[str, object]:
    numbers = {name: np.linspace(-1, 1, ROWS) for name in SPEC.features.numeric}
    return {**{name: ["x"] * ROWS for name in SPEC.features.categorical}, **numbers}


def test_the_average_is_a_rival_and_not_drawn() -> None:
    answers = np.linspace(0, 1, 4)
    scored = Rivals(answers, answers, 0.3, answers, None)
    assert scored.average.tolist() == [0.3] * 4
    assert list(scored.drawn) == ["candidate", "lightgbm"]
    assert list(Rivals(answers, answers, 0.3, answers, Champion(2, False, answers)).drawn)[-1] == "champion"


def test_a_model_answers_in_batches_as_it_does_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = write(tmp_path)
    (model / "preprocessing.json").write_text(Encoder.fit(SPEC, {}).to_json())
    at_once = rivals.answers(kinds.of(SPEC), model, columns())
    monkeypatch.setattr(rivals, "SCORING_BATCH", 3)
    np.testing.assert_array_equal(rivals.answers(kinds.of(SPEC), model, columns()), at_once)
    assert at_once.shape == (ROWS,)


def test_a_champion_of_other_features_is_not_compared_and_stops_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = FakeRegistry(tmp_path, SPEC)
    others = {name: values for name, values in columns().items() if name != "wind"}
    assert rivals._champion(SPEC, registry, others, tmp_path) is None  # type: ignore[arg-type]
    registry.aliases.set(SPEC.name, "champion", registry.add(4))
    assert rivals._champion(SPEC, registry, others, tmp_path) is None  # type: ignore[arg-type]
    assert "champion v4 is not compared" in capsys.readouterr().out
