"""What a model is given, and in which order."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from airworthy.spec.features import FeatureSet


def feature_set(request: dict[str, Any], **views: list[str]) -> FeatureSet:
    return FeatureSet.model_validate(
        {"request": request, "views": {name: {"entity": "e", "features": list(f)} for name, f in views.items()}}
    )


def test_the_models_input_is_the_requests_features_then_each_views_as_written() -> None:
    features = feature_set({"categorical": ["b", "a"], "numeric": ["z"]}, second=["y", "x"], first=["w"])
    assert features.categorical == ["b", "a"]
    assert features.numeric == ["z", "y", "x", "w"]


@pytest.mark.parametrize(
    ("request_", "views"),
    [
        ({"numeric": ["a"]}, {"v": ["a"]}),
        ({"categorical": ["a"], "numeric": ["a"]}, {}),
        ({}, {"v": ["a"], "w": ["a"]}),
    ],
)
def test_a_feature_named_twice_is_refused(request_: dict[str, Any], views: dict[str, list[str]]) -> None:
    with pytest.raises(ValidationError, match=r"named twice: \['a'\]"):
        feature_set(request_, **views)


def test_a_model_without_a_feature_is_refused() -> None:
    with pytest.raises(ValidationError, match="no feature at all"):
        feature_set({})
