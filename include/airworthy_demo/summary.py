"""The demo's last screen: what was built, how good it is, what the canary saw, where to look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from airworthy.model import kinds

if TYPE_CHECKING:
    from airworthy.model.kinds.base import Figures
    from airworthy.release.evidence.document import Evidence


def show(console: Console, evidence: Evidence, links: dict[str, str], try_line: str) -> None:
    """Print metrics, versions, canary figures and links, and a line to try it with.

    Args:
        console: where to print.
        evidence: of the version that was promoted.
        links: name -> where to look.
        try_line: a command; comes last, in one line however wide the console is, so that it can be copied.
    """
    console.print()
    console.print(_quality(evidence))
    console.print(_facts(evidence))
    console.print("[italic]Look around[/italic]")
    for name, link in links.items():
        console.out(f"  {name:<13} {link}", highlight=False)  # not cut where the console ends, nor made into markup
    console.print("[italic]Ask for one flight's probability of being late[/italic]")
    console.out(try_line, highlight=False)


def _quality(evidence: Evidence) -> Table:
    table = Table(title=f"Holdout: {evidence.candidate.rows:,} later flights", title_justify="left")
    table.add_column("model")
    kind = kinds.named(evidence.task)
    for name in kind.headline:
        table.add_column(kind.metrics[name].title, justify="right")
    rows: list[tuple[str, Figures | None]] = [
        (f"candidate v{evidence.version}", evidence.candidate),
        ("LightGBM, same features", evidence.lightgbm),
        ("always the average", evidence.average),
    ]
    if not evidence.champion_is_baseline:
        rows.insert(1, (f"champion v{evidence.champion_version}", evidence.champion))
    for name, figures in rows:
        if figures is not None:
            table.add_row(name, *(_number(figures[metric]) for metric in kind.headline))
    return table


def _facts(evidence: Evidence) -> Table:
    table = Table(title="This release", title_justify="left", show_header=False, box=None, padding=(0, 2))
    table.add_row("model version", f"{evidence.pipeline} v{evidence.version}")
    table.add_row("data version", f"{evidence.data_version} (known until {evidence.data_until})")
    table.add_row("code version", evidence.code_version)
    table.add_row("evidence", evidence.digest[:16])
    if evidence.canary is not None:
        canary = evidence.canary
        share = "n/a" if canary.share is None else f"{canary.share:.2f} %"
        total = canary.challenger.requests + canary.champion.requests
        table.add_row("canary share", f"{share} of {total:,} requests ({canary.percent:g} % asked for)")
        table.add_row("canary errors", f"{canary.challenger.errors} of {canary.challenger.requests}")
        table.add_row("canary p95", f"{_number(canary.challenger.p95_ms, 1)} ms")
    return table


def _number(value: float | None, digits: int = 4) -> str:
    return "n/a" if value is None else f"{value:.{digits}f}"
