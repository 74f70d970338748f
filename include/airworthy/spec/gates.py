"""The `gates` section: what a candidate must show in its evaluation to be registered."""

from __future__ import annotations

from pydantic import Field

from airworthy.spec.base import Fraction, Name, Section


class Gates(Section):
    """Conditions a candidate's evaluation must meet to be registered."""

    min_holdout_rows: int = Field(1000, ge=1, description="rows of the holdout")
    min_roc_auc: Fraction = Field(0.5, description="ROC AUC on the holdout")
    min_gain_over_average_log_loss: float = Field(
        0.0, ge=0, description="log loss gained over always answering the average, nats per row"
    )
    max_roc_auc_below_lightgbm: Fraction = Field(1.0, description="ROC AUC below LightGBM's on the same features")
    max_roc_auc_below_champion: Fraction = Field(1.0, description="ROC AUC below the champion's on the same holdout")
    slices: list[Name] = Field([], description="columns by whose values the holdout is looked at piece by piece")
    min_slice_roc_auc: Fraction = Field(0.0, description="ROC AUC in every slice of at least 200 rows")
