"""Releases that wait for a person: finds the required action of one, and responds to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from airworthy.errors import AirworthyError
from airworthy.ledger.events import release_id

if TYPE_CHECKING:
    from airworthy.airflow_api.client import AirflowApi, RequiredAction

#: What can be chosen, as Airflow's form names it.
Option = Literal["Approve", "Reject"]


class NothingToAnswer(AirworthyError):
    """No release of this pipeline waits for an answer, or more than one does."""


def waiting(api: AirflowApi, pipeline: str, version: int | None) -> RequiredAction:
    """The open approval request of a pipeline.

    Args:
        version: which candidate; needed only when several wait.

    Raises:
        NothingToAnswer: none waits, or several do and no version was named.
    """
    found = api.required_actions(f"{pipeline}.release")
    if version is not None:
        found = [action for action in found if action.run_id == release_id(pipeline, version)]
    if not found:
        wanted = f"{pipeline} v{version}" if version else pipeline
        raise NothingToAnswer(
            f"no release of {wanted} waits for an answer",
            next_step="`airworthy ledger` shows what was decided; docs/runbook.md#nothing-to-answer",
        )
    if len(found) > 1:
        names = ", ".join(sorted(action.subject for action in found))
        raise NothingToAnswer(f"several wait: {names}", next_step="name one with --version")
    return found[0]


def respond(api: AirflowApi, action: RequiredAction, option: Option, reason: str) -> None:
    """Answer the request; the form's digest ties the answer to the evidence that was shown.

    Raises:
        AirflowApiError: Airflow does not let this person answer, or somebody answered first.
    """
    api.respond(action, option, {**action.params, "reason": reason})
