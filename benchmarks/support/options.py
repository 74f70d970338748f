"""The options of the benchmarks that land flights."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.support import figures


def of_landed_flights(description: str) -> argparse.Namespace:
    """``days`` of 2013 to land, and the folder the result goes to."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--days", type=int, default=243, help="days of 2013 to land (default: January to August)")
    parser.add_argument("--output", type=Path, default=figures.RESULTS, help="folder of the result")
    return parser.parse_args()
