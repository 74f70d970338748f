"""`airworthy approve` and `reject`: the same required action, answered from a terminal as the person who runs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from airworthy.errors import AirworthyError

if TYPE_CHECKING:
    from airworthy.airflow_api.client import AirflowApi, RequiredAction

Answer = Literal["Approve", "Reject"]


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
        found = [action for action in found if action.run_id == f"{pipeline}-v{version}"]
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


def give(api: AirflowApi, action: RequiredAction, answer: Answer, reason: str) -> None:
    """Answer the request; the form's digest ties the answer to the evidence that was shown.

    Raises:
        AirflowApiError: Airflow does not let this person answer, or somebody answered first.
    """
    api.answer(action, answer, {**action.params, "reason": reason})


Pipeline = Annotated[str, typer.Argument(help="The pipeline whose candidate waits, e.g. flight_delays.")]
Version = Annotated[int | None, typer.Option(help="Which candidate; needed only when several wait.")]
User = Annotated[str, typer.Option(envvar="AIRWORTHY_USER", help="Your Airflow user name.", prompt="Airflow user")]
Password = Annotated[
    str,
    typer.Option(
        envvar="AIRWORTHY_PASSWORD",
        help="Asked for when neither given nor in the environment.",
        prompt=True,
        hide_input=True,
    ),
]
Reason = Annotated[str, typer.Option("--reason", "-m", help="Why; kept in the ledger.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not show the evidence and ask again.")]
Url = Annotated[str, typer.Option(envvar="AIRWORTHY_AIRFLOW_URL", help="Airflow's address.")]


def _command(answer: Answer, help_text: str) -> Callable[..., None]:
    """The command that gives this answer; both take the same options."""

    def command(
        pipeline: Pipeline,
        user: User,
        password: Password,
        reason: Reason,
        version: Version = None,
        yes: Yes = False,
        url: Url = "http://127.0.0.1:8080",
    ) -> None:
        _answer(answer, pipeline, version, user, password, reason, yes, url)

    command.__doc__ = help_text
    return command


approve = _command(
    "Approve", "Approve the candidate that waits: the same answer as in Airflow's Required Actions, by the same rules."
)
reject = _command("Reject", "Reject the candidate that waits: its canary ends, the champion stays.")


def _answer(
    answer: Answer, pipeline: str, version: int | None, user: str, password: str, reason: str, yes: bool, url: str
) -> None:
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.panel import Panel

    from airworthy.airflow_api.client import AirflowApi

    with AirflowApi(url, user, password, patience_seconds=5) as api:
        action = waiting(api, pipeline, version)
        if not yes:
            Console().print(Panel(Markdown(action.body), title=action.subject))
            typer.confirm(f"{answer} as {user}?", abort=True)
        give(api, action, answer, reason)
    done = {"Approve": "approved", "Reject": "rejected"}[answer]
    typer.echo(f"{done} as {user}: {action.subject.rstrip('?')}: {reason}")
