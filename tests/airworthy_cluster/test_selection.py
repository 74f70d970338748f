"""Label and field selectors."""

from __future__ import annotations

import pytest

from airworthy_cluster import selection
from airworthy_cluster.errors import ApiError


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        ("a=1", {"a": "1"}, True),
        ("a==1,b!=2", {"a": "1"}, True),
        ("a!=1", {"a": "1"}, False),
        ("a in (1, 2),b", {"a": "2", "b": ""}, True),
        ("a notin (1)", {}, True),
        ("!a", {"a": "1"}, False),
        ("already_checked!=True,!airflow-worker", {"dag_id": "x"}, True),
        ("", {}, True),
    ],
)
def test_label_selectors(selector: str, labels: dict[str, str], matches: bool) -> None:
    assert selection.by_labels(selector)({"metadata": {"labels": labels}}) is matches


@pytest.mark.parametrize("selector", ["a=b=c", "a in b", "=x", "a b"])
def test_what_is_not_a_selector_is_a_400(selector: str) -> None:
    with pytest.raises(ApiError) as refused:
        selection.by_labels(selector)
    assert refused.value.code == 400


def test_fields_that_cannot_be_selected_by_are_a_400_that_lists_those_that_can() -> None:
    with pytest.raises(ApiError, match=r"status\.phase") as refused:
        selection.by_fields("pods", "spec.containers=x")
    assert refused.value.code == 400
