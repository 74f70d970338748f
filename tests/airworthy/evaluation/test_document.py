"""An evaluation survives its file; one of another format is refused, not misread."""

from __future__ import annotations

from typing import Any

import pytest
from evaluations import evaluation

from airworthy.evaluation.document import FILE, EvaluationUnreadable, read


class FakeArtifacts:
    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def read_json(self, run_id: str, artifact: str) -> dict[str, Any]:
        assert (run_id, artifact) == ("r1", FILE)
        return self.document


def test_what_was_written_is_what_is_read() -> None:
    assert read(FakeArtifacts(evaluation().model_dump(mode="json")), "r1") == evaluation()


def test_an_evaluation_of_before_the_metrics_had_names_says_how_to_get_a_new_one() -> None:
    first = {"pipeline": "p", "candidate": {"rows": 9, "roc_auc": 0.7}}
    with pytest.raises(EvaluationUnreadable, match=r"evaluation.json of run r1 has format 1, expected 2") as caught:
        read(FakeArtifacts(first), "r1")
    assert "evaluate task" in caught.value.next_step
