"""The page that people decide on: it shows what they must not miss, and nothing that data wrote as markup."""

import pytest
from evaluations import figures
from evidences import FULL, changed

from airworthy.model import kinds
from airworthy.release.evidence import markdown
from airworthy.release.evidence.document import Gate, Validation


def test_the_page_compares_champion_and_candidate_overall_and_by_slice():
    page = markdown.page(FULL)
    assert "| Champion v5 | 0.7301 | +0.0109 better | 0.4002 | +0.0100 **worse** |" in page
    assert "| Always average | 0.5 | +0.2410 better | 0.52 | -0.1098 better |" in page
    assert "| origin = JFK | 9,000 | 0.71 | 0.72 | -0.0100 **worse** | +0.0100 **worse** |" in page


def test_the_page_shows_canary_gates_data_trigger_and_links():
    page = markdown.page(FULL)
    assert "5 % of live traffic, measured 5.00 %. **promote**: 0 errors" in page
    assert "| Candidate | 103 | 0 | 0.000% | 8.5 ms |" in page
    assert "| roc\\_auc.min | ✓ met | 0.741 | 0.62 |" in page
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
        ({"gates": (Gate(name="roc_auc.min", passed=False),)}, "Missed gates:** roc\\_auc.min"),
        ({"doubts": ("Every row gets the same answer, 0.3.",)}, "Doubtful:** Every row gets the same answer, 0.3."),
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


def test_the_columns_are_the_kinds_headline_metrics():
    titles = [kinds.named("binary").metrics[name].title for name in kinds.named("binary").headline]
    page = markdown.page(FULL)
    for title in titles:
        assert f"| {title} | candidate's difference |" in page
    assert "| n/a |" in markdown.page(changed(average=figures(29_000)))
