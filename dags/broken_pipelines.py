"""Shows broken pipeline folders as an import error, so that the other pipelines' DAGs stay up."""

from __future__ import annotations

from airworthy.errors import AirworthyError
from airworthy.settings import from_environment
from airworthy.spec import folders

_broken = folders.discover(from_environment().pipelines)[1]
if _broken:
    raise AirworthyError(
        "\n".join(str(each.error) for each in _broken),
        next_step="fix the files named above; the others are not affected; docs/runbook.md#dag-import-error",
    )
