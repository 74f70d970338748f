"""The evidence: the same content has the same digest, and the page shows what a person must not miss."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy.canonical import canonical_json
from airworthy.release.evidence import markdown
from airworthy.release.evidence.document import (
    Canary,
    Evidence,
    Figures,
    Gate,
    SliceFigures,
    Validation,
    VariantFigures,
)

FULL = Evidence(
    pipeline="flight_delays",
    version=7,
    release_id="flight_delays-v7",
    triggered_by="admin",
    train_run="manual__2026-11-21",
    data_version="12",
    data_until="2013-08-31",
    raw_versions={"flights": "4", "weather": "3"},
    code_version="abc123",
    champion_version=5,
    candidate=Figures(rows=29_000, roc_auc=0.741, log_loss=0.4102),
    champion=Figures(rows=29_000, roc_auc=0.7301, log_loss=0.4002),
    average=Figures(rows=29_000, roc_auc=0.5, log_loss=0.52),
    slices=(
        SliceFigures(
            column="origin",
            value="JFK",
            candidate=Figures(rows=9_000, roc_auc=0.71, log_loss=0.4),
            champion=Figures(rows=9_000, roc_auc=0.72, log_loss=0.39),
        ),
    ),
    gates=(Gate(name="min_roc_auc", passed=True, observed=0.741, limit=0.62),),
    validation=Validation(success=True, expectations=31),
    canary=Canary(
        percent=5,
        outcome="promote",
        reason="0 errors",
        challenger=VariantFigures(requests=103, errors=0, p95_ms=8.5),
        champion=VariantFigures(requests=1957, errors=1, p95_ms=8.0),
    ),
    links={"Model": "http://127.0.0.1:5500/#/models/flight_delays/versions/7"},
)


def changed(**fields):
    return FULL.model_copy(update=fields)


def test_the_digest_survives_storage_as_json():
    again = Evidence.model_validate(json.loads(canonical_json(FULL.model_dump(mode="json"))))
    assert again == FULL and again.digest == FULL.digest
    assert len(FULL.digest) == 64


@pytest.mark.parametrize(
    "other",
    [
        {"version": 8},
        {"candidate": Figures(rows=29_000, roc_auc=0.7411, log_loss=0.4102)},
        {"triggered_by": "ann"},
        {"canary": None},
        {"links": {}},
    ],
)
def test_any_change_changes_the_digest(other):
    assert changed(**other).digest != FULL.digest


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_figure_that_is_no_number_is_missing_and_never_breaks_digest_or_page(value):
    evidence = changed(candidate=Figures(rows=10, roc_auc=value, log_loss=value))
    assert Evidence.model_validate_json(evidence.model_dump_json()).digest == evidence.digest
    assert "nan" not in markdown.page(evidence) and "inf" not in markdown.page(evidence)


def test_the_page_compares_champion_and_candidate_overall_and_by_slice():
    page = markdown.page(FULL)
    assert "| Champion v5 | 0.7301 | +0.0109 better | 0.4002 | +0.0100 **worse** |" in page
    assert "| Always average | 0.5 | +0.2410 better | 0.52 | -0.1098 better |" in page
    assert "| origin = JFK | 9,000 | 0.71 | 0.72 | -0.0100 **worse** | +0.0100 **worse** |" in page


def test_the_page_shows_canary_gates_data_trigger_and_links():
    page = markdown.page(FULL)
    assert "5 % of live traffic, measured 5.00 %. **promote**: 0 errors" in page
    assert "| Candidate | 103 | 0 | 0.000% | 8.5 ms |" in page
    assert "| min\\_roc\\_auc | ✓ met | 0.741 | 0.62 |" in page
    assert "| Feature table version | 12 |" in page and "flights 4, weather 3" in page
    assert "Triggered by **admin**" in page and f"evidence `{FULL.digest[:12]}`" in page
    assert "- [Model](http://127.0.0.1:5500/#/models/flight_delays/versions/7)" in page
    assert "⚠️" not in page


@pytest.mark.parametrize(
    ("fields", "warning"),
    [
        ({"champion_is_baseline": True}, "The champion (v5) is only the always-average baseline."),
        ({"champion": None}, "not compared with today's champion v5"),
        ({"champion": None, "champion_version": None}, "no champion to compare with"),
        ({"validation": None}, "No validation result"),
        ({"validation": Validation(success=False, failures=("late_in_set",))}, "did not pass validation:** late\\_in"),
        ({"gates": (Gate(name="min_roc_auc", passed=False),)}, "Missed gates:** min\\_roc\\_auc"),
        ({"canary": None}, "has not been tried on live traffic"),
    ],
)
def test_what_a_person_must_not_miss_stands_before_the_figures(fields, warning):
    page = markdown.page(changed(**fields))
    assert warning in page
    assert page.index(warning) < page.index("### Quality")


def test_text_from_data_cannot_draw_on_the_page():
    evil = "JFK | ok | [click](http://evil) <img src=x>\n# Approved"
    part = FULL.slices[0].model_copy(update={"value": evil})
    page = markdown.page(changed(slices=(part,)))
    assert r"\[click\](http://evil) \<img src=x\> \# Approved" in page
    [row] = [line for line in page.splitlines() if "JFK" in line]
    assert row.replace("\\|", "").count("|") == 7
