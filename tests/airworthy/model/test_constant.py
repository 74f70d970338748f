"""The baseline's model keeps the contract like any other."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_models import ENCODER, SPEC, Defect, write

from airworthy.model.constant import constant_model
from airworthy.model.contract import check, sample
from airworthy.model.encoder import Encoder
from airworthy.model.kinds.binary import Binary


@pytest.mark.parametrize("encoder", [ENCODER, Encoder.fit(SPEC, {})], ids=["vocabularies", "none"])
@pytest.mark.parametrize("answer", [0, 0.2, 1])
def test_it_keeps_the_contract_and_answers_its_figure(tmp_path: Path, encoder: Encoder, answer: float) -> None:
    model = constant_model(encoder, answer, Binary()).SerializeToString()
    report = check(write(tmp_path, Defect(model=model), encoder=encoder), SPEC)
    assert report.model is not None, report.problem
    assert report.model.answers(sample(SPEC, encoder)).tolist() == pytest.approx([answer] * 32)


@pytest.mark.parametrize("answer", [-0.1, 1.5, float("nan")])
def test_a_figure_that_the_kind_cannot_answer_is_refused(answer: float) -> None:
    with pytest.raises(ValueError, match="cannot answer"):
        constant_model(ENCODER, answer, Binary())
