"""The small languages of Kubernetes: quantities, selectors, ``$(VAR)``, patches, ages, a pod's one-word status."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airworthy_cluster import patches, quantities, selection, tables
from airworthy_cluster.environment import expand
from airworthy_cluster.errors import ApiError
from airworthy_cluster.status import summary
from airworthy_cluster.store import Store, timestamp


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2", 2),
        ("500m", Decimal("0.5")),
        ("1.5", Decimal("1.5")),
        ("4Gi", 4 << 30),
        ("1k", 1000),
        ("1e3", 1000),
        (2, 2),
    ],
)
def test_quantities_are_read_as_kubernetes_reads_them(text: str | int, value: Any) -> None:
    assert quantities.parse(text) == value


@pytest.mark.parametrize("text", ["", "two", "1 Gi", "4GiB", "1e", "--1"])
def test_what_is_not_a_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantities.parse(text)


def test_a_pod_asks_for_its_containers_together_or_its_largest_init_container() -> None:
    def asks(cpu: str) -> dict[str, Any]:
        return {"resources": {"limits": {"cpu": cpu}}}

    spec = {"containers": [asks("1"), asks("500m")], "initContainers": [asks("2"), asks("100m")]}
    assert quantities.pod_requests(spec) == {"cpu": 2}
    assert quantities.pod_requests({"containers": spec["containers"]}) == {"cpu": Decimal("1.5")}


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(A)-$(B)", "1-$(B)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A ${A}", "$A ${A}"),
        ("$(A", "$(A"),
        ("100%", "100%"),
    ],
)
def test_variables_are_expanded_as_kubernetes_does(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        max_leaves=8,
    ),
    st.dictionaries(
        st.sampled_from("abc"), st.none() | st.integers() | st.dictionaries(st.sampled_from("abc"), st.integers())
    ),
)
def test_merging_a_patch_again_changes_nothing(target: Any, patch: dict[str, Any]) -> None:
    once = patches.merged(target, patch)
    assert patches.merged(once, patch) == once
    assert all(key not in once for key, value in patch.items() if value is None)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(5, "5s"), (119, "119s"), (125, "2m5s"), (700, "11m"), (9000, "150m"), (20000, "5h"), (200000, "2d")],
)
def test_ages_are_shown_as_kubectl_shows_them(seconds: int, shown: str) -> None:
    assert tables.age(timestamp(time.time() - seconds)) == shown


def _pod(phase: str, *states: dict[str, Any], inits: tuple[dict[str, Any], ...] = (), **status: Any) -> dict[str, Any]:
    return {
        "metadata": {},
        "status": {
            "phase": phase,
            "containerStatuses": [{"state": state} for state in states],
            "initContainerStatuses": [{"state": state} for state in inits],
            **status,
        },
    }


@pytest.mark.parametrize(
    ("pod", "word"),
    [
        (_pod("Pending"), "Pending"),
        (_pod("Running", {"running": {}}), "Running"),
        (_pod("Pending", {"waiting": {"reason": "CreateContainerConfigError"}}), "CreateContainerConfigError"),
        (_pod("Succeeded", {"terminated": {"reason": "Completed", "exitCode": 0}}), "Completed"),
        (_pod("Failed", {"terminated": {"reason": "OOMKilled", "exitCode": 137}}), "OOMKilled"),
        (
            _pod("Failed", {"terminated": {"reason": "Error", "exitCode": 143}}, reason="DeadlineExceeded"),
            "DeadlineExceeded",
        ),
        (_pod("Pending", inits=({"terminated": {"exitCode": 0}}, {"running": {}})), "Init:1/2"),
        (_pod("Failed", inits=({"terminated": {"exitCode": 1, "reason": "Error"}},)), "Init:Error"),
    ],
)
def test_the_status_word_of_get_pods(pod: dict[str, Any], word: str) -> None:
    assert summary(pod) == word


def test_objects_survive_and_versions_only_grow_when_the_store_is_opened_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = store.create("configmaps", {"metadata": {"name": "kept", "namespace": "n"}})
    gone = store.create("configmaps", {"metadata": {"name": "gone", "namespace": "n"}})
    store.remove("configmaps", gone)
    again = Store(tmp_path)
    assert again.list("configmaps") == [kept]
    new = again.create("configmaps", {"metadata": {"name": "new", "namespace": "n"}})
    assert int(new["metadata"]["resourceVersion"]) > int(gone["metadata"]["resourceVersion"])
    assert again.save("configmaps", new) is new
