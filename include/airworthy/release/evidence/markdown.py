"""Draws the evidence as Markdown for Airflow's Required Actions page: the warnings first, then the figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from airworthy.model import kinds

if TYPE_CHECKING:
    from airworthy.model.kinds.base import Figures
    from airworthy.release.evidence.document import Canary, Evidence
    from airworthy.spec.tasks import Metric

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#!~])")


def page(evidence: Evidence) -> str:
    """The whole page."""
    sections = [
        f"## {_text(evidence.pipeline)} v{evidence.version}: let it serve all traffic?",
        f"Triggered by **{_text(evidence.triggered_by)}** · evidence `{evidence.digest[:12]}` · "
        f"release `{evidence.release_id}`",
        *_warnings(evidence),
        "### Quality on the later holdout",
        _quality(evidence),
        *_slices(evidence),
        *_gates(evidence),
        *_canary(evidence.canary),
        "### Data and code",
        _origin(evidence),
    ]
    if evidence.links:
        sections += [
            "### Look closer",
            "\n".join(f"- [{_text(name)}]({_address(url)})" for name, url in evidence.links.items()),
        ]
    return "\n\n".join(sections) + "\n"


def _warnings(evidence: Evidence) -> Iterable[str]:
    if evidence.champion_is_baseline:
        yield (
            f"> ⚠️ **The champion (v{evidence.champion_version}) is only the always-average baseline.** Beating it "
            "shows that the candidate learned something, not that it is good enough to act on."
        )
    elif evidence.champion is None and evidence.champion_version is not None:
        yield (
            f"> ⚠️ **The candidate was not compared with today's champion v{evidence.champion_version}**, "
            "which became champion after the evaluation."
        )
    elif evidence.champion is None:
        yield "> ⚠️ **There is no champion to compare with.** The figures stand alone."
    if evidence.validation is None:
        yield "> ⚠️ **No validation result** of the data trained on is known."
    elif not evidence.validation.success:
        failed = ", ".join(_text(name) for name in evidence.validation.failures)
        yield f"> ⚠️ **The data did not pass validation:** {failed}"
    if missed := [gate.name for gate in evidence.gates if not gate.passed]:
        yield f"> ⚠️ **Missed gates:** {', '.join(_text(name) for name in missed)}"
    for doubt in evidence.doubts:
        yield f"> ⚠️ **Doubtful:** {_text(doubt)}"
    if evidence.canary is None:
        yield "> ⚠️ **The candidate has not been tried on live traffic.**"


def _quality(evidence: Evidence) -> str:
    candidate, metrics = evidence.candidate, _headline(evidence)
    label = "Champion" if evidence.champion_version is None else f"Champion v{evidence.champion_version}"
    rivals = (
        (label, evidence.champion),
        ("Always average", evidence.average),
        ("LightGBM, same features", evidence.lightgbm),
    )
    header, first = [""], ["**Candidate**"]
    for metric in metrics:
        header += [metric.title, "candidate's difference"]
        first += [f"**{_number(candidate[metric.name])}**", ""]
    rows = [first]
    for name, figures in rivals:
        if figures is not None:
            row = [name]
            for metric in metrics:
                row += [_number(figures[metric.name]), _delta(metric, candidate, figures)]
            rows.append(row)
    return f"{candidate.rows:,} rows, all later than what was trained on.\n\n{_table(header, rows)}"


def _slices(evidence: Evidence) -> Iterable[str]:
    if not evidence.slices:
        return
    yield "### By slice"
    kind = kinds.named(evidence.task)
    compared = kind.metrics[kind.compares]
    others = [metric for metric in _headline(evidence) if metric != compared]
    rows = [
        [
            f"{_text(part.column)} = {_text(part.value)}",
            f"{part.candidate.rows:,}",
            _number(part.candidate[compared.name]),
            _number(part.champion[compared.name] if part.champion else None),
            *(_delta(metric, part.candidate, part.champion) for metric in (compared, *others)),
        ]
        for part in evidence.slices
    ]
    differences = [f"{metric.title}, difference" for metric in others]
    yield _table(["Slice", "rows", compared.title, "champion's", "difference", *differences], rows)


def _gates(evidence: Evidence) -> Iterable[str]:
    if not evidence.gates:
        return
    yield "### Gates"
    yield _table(
        ["Gate", "", "observed", "limit"],
        [
            [_text(gate.name), "✓ met" if gate.passed else "✗ missed", _number(gate.observed), _number(gate.limit)]
            for gate in evidence.gates
        ],
    )


def _canary(canary: Canary | None) -> Iterable[str]:
    if canary is None:
        return
    share = "" if canary.share is None else f", measured {canary.share:.2f} %"
    yield "### Canary"
    yield f"{canary.percent:g} % of live traffic{share}. **{_text(canary.outcome)}**: {_text(canary.reason)}"
    yield _table(
        ["Variant", "requests", "errors", "error rate", "p95"],
        [
            [
                name,
                f"{figures.requests:,}",
                f"{figures.errors:,}",
                f"{figures.errors / figures.requests:.3%}" if figures.requests else "n/a",
                "n/a" if figures.p95_ms is None else f"{figures.p95_ms:.1f} ms",
            ]
            for name, figures in (("Candidate", canary.challenger), ("Champion", canary.champion))
        ],
    )


def _origin(evidence: Evidence) -> str:
    validation = evidence.validation
    lines = {
        "Training run": evidence.train_run,
        "Feature table version": evidence.data_version,
        "Data until": evidence.data_until,
        "Raw table versions": ", ".join(f"{name} {version}" for name, version in evidence.raw_versions.items()),
        "Code version": evidence.code_version,
        "Validation": f"passed, {validation.expectations} expectations" if validation and validation.success else "",
        "Data Docs": validation.docs if validation else "",
    }
    rows = [[name, _text(value)] for name, value in lines.items() if value]
    return _table(["What", "which"], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")


def _delta(metric: Metric, candidate: Figures, other: Figures | None) -> str:
    value, against = candidate[metric.name], None if other is None else other[metric.name]
    if value is None or against is None:
        return "n/a"
    if abs(value - against) < 0.00005:
        return "same"
    return f"{value - against:+.4f} {'better' if metric.gain(value, against) > 0 else '**worse**'}"


def _headline(evidence: Evidence) -> list[Metric]:
    kind = kinds.named(evidence.task)
    return [kind.metrics[name] for name in kind.headline]


def _text(value: str) -> str:
    """Text from data or people: shown as it is, never as markup."""
    return _SPECIAL.sub(r"\\\1", " ".join(value.split()))


def _address(url: str) -> str:
    return url.replace(" ", "%20").replace("(", "%28").replace(")", "%29")
