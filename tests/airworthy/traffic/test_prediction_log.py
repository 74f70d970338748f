"""The prediction log's columns: fixed ones, then every feature under a name that is free."""

from __future__ import annotations

import pyarrow as pa
from small_models import SPEC

from airworthy.traffic.prediction_log import PARTITION_BY, feature_columns, fixed_columns, schema


def test_what_the_model_answers_is_a_column_by_its_kinds_name() -> None:
    assert fixed_columns("minutes")["minutes"] == pa.float64()
    assert "probability" not in fixed_columns("minutes")


def test_every_feature_has_a_column_of_its_type() -> None:
    found = schema(SPEC, "probability")
    assert found.names == [*fixed_columns("probability"), "carrier", "origin", "distance", "temp", "wind"]
    assert (found.field("carrier").type, found.field("wind").type) == (pa.string(), pa.float32())
    assert set(PARTITION_BY) <= set(found.names)


def test_a_feature_whose_name_is_taken_gets_another_one() -> None:
    assert feature_columns(["wind", "version", "minutes"], "minutes") == ["wind", "feature_version", "feature_minutes"]
    features = type(SPEC.features).model_validate({"request": {"categorical": ["variant"], "numeric": ["probability"]}})
    found = schema(SPEC.model_copy(update={"features": features}), "probability")
    assert found.names[-2:] == ["feature_variant", "feature_probability"]
