"""The demo's last screen: readable in 100 columns, and its last line can be copied."""

from __future__ import annotations

import io

import pytest
from evaluations import figures
from rich.console import Console

from airworthy.release.evidence.document import Canary, Evidence, VariantFigures
from airworthy_demo import summary

EVIDENCE = Evidence(
    pipeline="flight_delays",
    task="binary",
    version=7,
    release_id="flight_delays-v7",
    triggered_by="admin",
    champion_is_baseline=True,
    candidate=figures(29_000, roc_auc=0.741, log_loss=0.4102),
    average=figures(29_000, roc_auc=0.5, log_loss=0.52),
    canary=Canary(
        percent=5,
        outcome="promote",
        reason="0 errors",
        challenger=VariantFigures(requests=50, errors=0, p95_ms=8.5),
        champion=VariantFigures(requests=950, errors=1),
    ),
)
LINKS = {
    "MLflow": "http://127.0.0.1:5500/#/models/flight_delays/versions/7",
    "Data Docs": f"/home/{'long/' * 20}data_docs/index.html",
}
LINE = 'curl http://127.0.0.1:8600/v1/models/flight_delays:predict -d \'{"instances":[' + "[bold]:car:" * 30 + "]}'"


@pytest.mark.parametrize("terminal", [False, True])
def test_it_is_readable_in_100_columns_and_ends_with_the_line_as_it_is(terminal: bool) -> None:
    shown = io.StringIO()
    summary.show(Console(file=shown, width=100, force_terminal=terminal, color_system=None), EVIDENCE, LINKS, LINE)
    *lines, last = shown.getvalue().splitlines()
    assert last == LINE
    for what in ("ROC AUC", "log loss", "0.7410", "v7", "5 % asked for", "8.5 ms", *LINKS):
        assert any(what in line for line in lines), what
    assert all(len(line) <= 100 for line in lines if LINKS["Data Docs"] not in line)
    assert any(line.endswith(LINKS["Data Docs"]) for line in lines), "an address is never cut"
