"""What people and MLflow are told of an evaluation."""

from __future__ import annotations

from evaluations import evaluation, figures

from airworthy.evaluation import report
from airworthy.evaluation.document import RivalFigures
from airworthy.evaluation.gates import GateResult
from airworthy.model.kinds.base import Difference


def test_mlflow_gets_every_figure_under_the_models_name() -> None:
    difference = Difference(metric="roc_auc", value=0.01, low=-0.01, high=0.03)
    champion = RivalFigures(figures=figures(roc_auc=0.73, log_loss=None), difference=difference, version=3)
    found = report.mlflow_metrics(evaluation(champion=champion, lightgbm=None))
    assert found == {
        **{"holdout_rows": 2000, "holdout_roc_auc": 0.74, "holdout_log_loss": 0.48},
        **{"average_rows": 2000, "average_roc_auc": 0.5, "average_log_loss": 0.55},
        **{"champion_rows": 2000, "champion_roc_auc": 0.73, "champion_log_loss": None},
        **{"roc_auc_minus_champion": 0.01, "roc_auc_minus_champion_low": -0.01, "roc_auc_minus_champion_high": 0.03},
    }


def test_the_report_shows_each_model_under_the_metrics_titles_then_doubts_then_gates() -> None:
    results = [GateResult("a", True, 1, 0, "good"), GateResult("b", False, None, 0, "bad")]
    lines = list(report.lines(evaluation(doubts=("Too good.",)), results))
    assert lines[0] == "holdout of 2,000 rows, 2013-08-01 to 2013-08-31"
    assert lines[1].split("  ROC AUC")[1].split() == ["log", "loss", "Brier", "PR", "AUC", "calibration", "error", "F1"]
    columns = {line[2:22].strip(): line[22:].split() for line in lines[2:6]}
    assert columns["candidate"] == ["0.7400", "0.4800", "-", "-", "-", "-"]
    assert list(columns) == ["candidate", "always average", "LightGBM", "champion v3"]
    assert lines[6:] == ["  DOUBT   Too good.", "  passed  a: good", "  MISSED  b: bad"]
    assert lines[1].index("ROC AUC") + len("ROC AUC") == lines[2].index("0.7400") + len("0.7400")
