"""Write docs/reference from the code: commands, pipeline.yaml, AIRWORTHY_* settings, ledger events, metrics.

Every page is made of what the code says about itself, so it has to say it: what has no description is an error here.
``--check`` writes nothing and names the pages that are behind.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from scripts.reference.commands import cli
from scripts.reference.ledger_events import ledger_events
from scripts.reference.markdown import Undescribed
from scripts.reference.metrics import metrics
from scripts.reference.pipeline_yaml import pipeline_yaml
from scripts.reference.settings import settings

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference"

PAGES: dict[str, Callable[[], str]] = {
    "cli.md": cli,
    "pipeline-yaml.md": pipeline_yaml,
    "settings.md": settings,
    "ledger-events.md": ledger_events,
    "metrics.md": metrics,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or name those that are behind."""
    # the commands look for a stack of this project: there must be none, or its addresses become defaults
    os.environ |= {"AIRWORTHY_HOME": str(Path(tempfile.gettempdir()) / "airworthy-no-stack")}
    try:
        pages = {FOLDER / name: make() for name, make in PAGES.items()}
    except Undescribed as error:
        print(error, file=sys.stderr)
        return 1
    behind = [path for path, text in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    strangers = sorted(set(FOLDER.glob("*.md")) - pages.keys())
    if "--check" in arguments:
        for path in (*behind, *strangers):
            print(f"{path.relative_to(ROOT)} is behind the code: run `make reference`", file=sys.stderr)
        return 1 if behind or strangers else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in behind:
        path.write_text(pages[path], encoding="utf-8")
    for path in strangers:
        path.unlink()
    print(f"docs/reference: {len(behind)} of {len(pages)} pages written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
