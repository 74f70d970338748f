"""The evidence as a document: the same content has the same digest, and another format is not read as this one."""

import json

import pytest
from evaluations import figures
from evidences import FULL, changed
from hypothesis import given
from hypothesis import strategies as st

from airworthy.canonical import canonical_json
from airworthy.release.evidence import markdown
from airworthy.release.evidence.document import Evidence, EvidenceUnreadable


def test_the_digest_survives_storage_as_json():
    again = Evidence.model_validate(json.loads(canonical_json(FULL.model_dump(mode="json"))))
    assert again == FULL and again.digest == FULL.digest
    assert len(FULL.digest) == 64


@pytest.mark.parametrize(
    "other",
    [
        {"version": 8},
        {"candidate": figures(29_000, roc_auc=0.7411, log_loss=0.4102)},
        {"triggered_by": "ann"},
        {"canary": None},
        {"links": {}},
    ],
)
def test_any_change_changes_the_digest(other):
    assert changed(**other).digest != FULL.digest


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_figure_that_is_no_number_is_missing_and_never_breaks_digest_or_page(value):
    evidence = changed(candidate=figures(10, roc_auc=value, log_loss=value))
    assert Evidence.model_validate_json(evidence.model_dump_json()).digest == evidence.digest
    assert "nan" not in markdown.page(evidence) and "inf" not in markdown.page(evidence)


def test_evidence_of_another_format_is_refused_with_a_next_step():
    written = {**FULL.model_dump(mode="json"), "format": 1, "candidate": {"rows": 9, "roc_auc": 0.7}}
    with pytest.raises(EvidenceUnreadable, match="flight_delays-v7 has format 1, expected 2") as caught:
        Evidence.model_validate(written)
    assert "airworthy reject" in caught.value.next_step
