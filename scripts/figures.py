"""Write README's "Measured" from benchmarks/results: the figures that a reader decides by, with what makes them again.

``--check`` writes nothing and fails when README is behind the results, or when a result has no line here.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.support.figures import RESULTS, Result, read_all  # noqa: E402

README = ROOT / "README.md"
BEGIN, END = "<!-- figures: written by `make figures` -->", "<!-- end of figures -->"

#: What was measured, and its figures in words: for each result at least one line. ``{overhead.wall_ratio:.2f}`` is
#: that figure of that result. A line whose result is not there yet is left out.
LINES: tuple[tuple[str, str], ...] = (
    (
        "ROC AUC on August, trained on January to July",
        "{quality.roc_auc:.3f}; a LightGBM on the same features {quality.roc_auc_lightgbm:.3f}, "
        "the average {quality.roc_auc_average:.1f}",
    ),
    (
        "data + train through Airflow, against the same stages in a shell",
        "{overhead.wall_ratio:.2f} times the wall time",
    ),
    (
        "predictions per second, against plain FastAPI and pydantic on the same model and store",
        "{serving.ratio_1_connections:.1f}, {serving.ratio_16_connections:.1f} and "
        "{serving.ratio_64_connections:.1f} times at 1, 16 and 64 connections",
    ),
)


class NotShown(Exception):
    """README and the results do not go together."""


def measured(results: list[Result]) -> str:
    """The table, with its markers.

    Raises:
        NotShown: a result has no line, or a line names a figure that its result does not have.
    """
    by_name = {result.name: result for result in results}
    values = {
        result.name: SimpleNamespace(**{name.partition(".")[2]: value for name, value in result.figures.items()})
        for result in results
    }
    rows, shown = [], set()
    for what, text in LINES:
        name = _result_of(text)
        if name not in by_name:
            continue
        try:
            figure = text.format(**values)
        except AttributeError as error:
            raise NotShown(f"{name}.json lacks a figure that README shows: {error}; see LINES in {__file__}") from error
        result = by_name[name]
        where = f", {result.machine.cores} cores" if result.machine.cores else ""
        rows.append(f"| {what} | {figure} | `{result.command}` | {result.at:%Y-%m-%d}{where} |")
        shown.add(name)
    if left_out := sorted(by_name.keys() - shown):
        raise NotShown(f"no line in README for the results {left_out}: add one to LINES in scripts/figures.py")
    head = ["| what | figure | command | measured |", "|---|---|---|---|"]
    return "\n".join([BEGIN, "", *head, *rows, "", END])


def written(readme: str, table: str) -> str:
    """README with the table between its markers.

    Raises:
        NotShown: the markers are not there.
    """
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not pattern.search(readme):
        raise NotShown(f"README.md has no {BEGIN} ... {END}")
    return pattern.sub(lambda _: table, readme)


def main(arguments: list[str]) -> int:
    """Write, or check."""
    before = README.read_text(encoding="utf-8")
    try:
        after = written(before, measured(read_all(RESULTS)))
    except (NotShown, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    if before == after:
        return 0
    if "--check" in arguments:
        print("README.md is behind benchmarks/results: run `make figures`", file=sys.stderr)
        return 1
    README.write_text(after, encoding="utf-8")
    print("wrote README.md")
    return 0


def _result_of(text: str) -> str:
    return text.partition("{")[2].partition(".")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
