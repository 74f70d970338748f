"""The model's score as a benchmark's figures."""

from evaluations import evaluation, figures

from benchmarks.quality import measured


def test_the_figures_are_the_evaluations_and_what_was_not_computed_is_left_out():
    assert measured(evaluation(candidate=figures(2000, roc_auc=0.74, log_loss=None), lightgbm=None)) == {
        "roc_auc": 0.74,
        "roc_auc_average": 0.5,
        "log_loss_average": 0.55,
        "holdout_rows": 2000,
        "train_rows": 9000,
    }
