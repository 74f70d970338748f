"""Finding the release that waits, among several or none."""

from __future__ import annotations

from typing import Any

import pytest

from airworthy.airflow_api import actions
from airworthy.airflow_api.actions import NothingToAnswer
from airworthy.airflow_api.client import RequiredAction
from airworthy.ledger.events import release_id


class FakeApi:
    """Airflow in which these versions of `flights` wait."""

    def __init__(self, *versions: int) -> None:
        self.versions = versions
        self.responses: list[tuple[str, str, dict[str, Any]]] = []

    def required_actions(self, dag_id: str) -> list[RequiredAction]:
        return [
            RequiredAction(
                dag_id, release_id("flights", each), "approve", -1, f"Release flights v{each}?", "", {"evidence": "d"}
            )
            for each in self.versions
        ]

    def respond(self, action: RequiredAction, option: str, fields: dict[str, Any]) -> None:
        self.responses.append((action.run_id, option, fields))


def test_the_only_one_that_waits_is_found_and_one_of_several_by_its_version() -> None:
    assert actions.waiting(FakeApi(3), "flights", None).run_id == "flights-v3"  # type: ignore[arg-type]
    assert actions.waiting(FakeApi(3, 4), "flights", 4).run_id == "flights-v4"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("waits", "version", "message"),
    [
        ((), None, "no release of flights waits"),
        ((3,), 4, "no release of flights v4 waits"),
        ((3, 4), None, "several wait: Release flights v3\\?, Release flights v4"),
    ],
)
def test_none_or_more_than_one_is_an_error(waits: tuple[int, ...], version: int | None, message: str) -> None:
    with pytest.raises(NothingToAnswer, match=message):
        actions.waiting(FakeApi(*waits), "flights", version)  # type: ignore[arg-type]


def test_a_response_keeps_the_forms_fields_and_adds_the_reason() -> None:
    api = FakeApi(3)
    actions.respond(api, actions.waiting(api, "flights", 3), "Reject", "worse at JFK")  # type: ignore[arg-type]
    assert api.responses == [("flights-v3", "Reject", {"evidence": "d", "reason": "worse at JFK"})]
