"""How good the example's model is: trained on January to July, scored on August, beside its rivals on the same rows.

Runs data and train once as processes of a shell, and reads what the evaluation found. The figures are those that the
demo shows: the same data, features, seed and code.
"""

from __future__ import annotations

import os
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks.support import figures, options, shell

if TYPE_CHECKING:
    from airworthy.evaluation.document import Evaluation


def main() -> None:
    """Land, build, train, evaluate; print and write what was found."""
    arguments = options.of_landed_flights(__doc__ or "")
    console = Console(highlight=False)

    from airworthy.evaluation import document
    from airworthy.registry.registry import Registry
    from airworthy_demo.world import World
    from airworthy_local.ports import Ports

    with tempfile.TemporaryDirectory(prefix="airworthy-bench-") as folder:
        home = Path(folder)
        first = date(2013, 1, 1)
        World().land(str(home / "landing"), first, first + timedelta(days=arguments.days - 1))
        with shell.mlflow_server(home / "mlflow", Ports.free().mlflow) as url:
            addresses = {"AIRWORTHY_LANDING": str(home / "landing"), "AIRWORTHY_MLFLOW_URL": url}
            (home / "shell").mkdir()
            seconds = shell.run({**os.environ, **addresses}, home / "shell", until="evaluate")
            console.print("  ".join(f"{stage} {took:.0f} s" for stage, took in seconds.items()))
            registry = Registry(url)
            run_id = registry.runs.get(shell.PIPELINE, shell.TRAIN_RUN).info.run_id
            found = document.read(registry.runs, run_id)
    path = figures.write("quality", "make bench ARGS=quality", measured(found), folder=arguments.output)
    console.print(figures.table([figures.read(path)]))


def measured(evaluation: Evaluation) -> dict[str, float]:
    """The evaluation's figures by name; one that could not be computed is left out."""
    lightgbm = evaluation.lightgbm.figures if evaluation.lightgbm else None
    models = {"": evaluation.candidate, "_lightgbm": lightgbm, "_average": evaluation.average}
    found = {
        f"{metric}{who}": measured[metric]
        for metric in ("roc_auc", "log_loss")
        for who, measured in models.items()
        if measured is not None
    }
    found |= {"holdout_rows": evaluation.candidate.rows, "train_rows": evaluation.train_rows}
    return {name: value for name, value in found.items() if value is not None}


if __name__ == "__main__":
    main()
