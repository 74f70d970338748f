"""Runs a pipeline's expectation suite over one version of its training table, and writes Data Docs."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airworthy.errors import AirworthyError
from airworthy.lake import tables
from airworthy.lake.lake import Lake
from airworthy.spec import folders

if TYPE_CHECKING:
    import pandas as pd

    from airworthy.settings import Settings
    from airworthy.spec.pipeline import PipelineSpec

log = logging.getLogger(__name__)

SITE = "data_docs"


class ValidationError(AirworthyError):
    """The suite itself is broken: it cannot be loaded, or an expectation cannot be evaluated."""


@dataclass(frozen=True)
class Failure:
    """An expectation the data did not meet."""

    expectation: str  # e.g. expect_column_values_to_be_between
    column: str | None
    expected: dict[str, Any]
    observed: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.expectation}({self.column or 'table'}): expected {self.expected}, observed {self.observed}"


@dataclass(frozen=True)
class ValidationResult:
    """What a suite found in one version of a table; ``dataclasses.asdict`` gives plain JSON values."""

    success: bool
    table: str
    table_version: int
    rows: int
    checked: int  # expectations
    failed: list[Failure]
    docs: str  # path of the page


def validate(
    spec: PipelineSpec, settings: Settings, lake: Lake, *, table_version: int | None = None
) -> ValidationResult:
    """Check ``features/training``; what to do about failures is the caller's decision.

    The suite comes from ``pipelines/<name>/expectations.py``: ``suite(spec, as_of)`` returns the expectations. It runs
    on a pandas frame: for the columns of a training table that is faster than starting Spark up to some ten million
    rows. The same version gives the same pages again.

    Args:
        spec: the pipeline.
        settings: Data Docs go below ``<home>/data_docs/<pipeline>``.
        lake: where the table is.
        table_version: None for the newest.

    Raises:
        ValidationError: the suite cannot be loaded, or an expectation cannot be evaluated.
        TableMissing: there is no such table or version.
    """
    table = tables.training(spec.name)
    version = lake.version(table) if table_version is None else table_version
    committed = lake.metadata(table, version)
    frame = lake.read(table, version).to_pandas()
    built_as_of = committed.get("as_of")
    newest = frame[spec.event_time].max().to_pydatetime() if len(frame) else datetime.fromtimestamp(0, UTC)
    suite = _suite(spec, settings.pipelines, datetime.fromisoformat(built_as_of) if built_as_of else newest)
    committed_at = datetime.fromtimestamp(int(committed.get("timestamp", 0)) / 1000, UTC)
    results, page = _run(spec, suite, frame, version, committed_at, settings.home)
    failures = [_failure(found) for found in results if not found.success]
    for failure in failures:
        log.warning("%s version %s: %s", table, version, failure)
    return ValidationResult(
        success=not failures,
        table=table,
        table_version=version or 0,
        rows=len(frame),
        checked=len(results),
        failed=failures,
        docs=page,
    )


def _run(
    spec: PipelineSpec, suite: list[Any], frame: pd.DataFrame, version: int | None, at: datetime, home: Path
) -> tuple[list[Any], str]:
    """Great Expectations' result of every expectation, and the path of the page that shows them."""
    # GX logs hundreds of lines while it is imported and draws progress bars while it runs; and it calls home
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "False")
    import great_expectations as gx
    from great_expectations.core import RunIdentifier

    context = _context(home / "data_docs" / spec.name)
    asset = context.data_sources.add_pandas(spec.name).add_dataframe_asset("training")
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(
            name=f"{spec.name}.training",
            data=asset.add_batch_definition_whole_dataframe(f"version {version}"),
            suite=context.suites.add(gx.ExpectationSuite(name=spec.name, expectations=suite)),
        )
    )
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(
            name=f"{spec.name}.training",
            validation_definitions=[definition],
            result_format={"result_format": "SUMMARY", "partial_unexpected_count": 5},
        )
    )
    outcome = checkpoint.run(
        batch_parameters={"dataframe": frame}, run_id=RunIdentifier(run_name=f"version-{version}", run_time=at)
    )
    (identifier, result), *_ = outcome.run_results.items()
    _raise_if_broken(spec, result.results)
    context.build_data_docs(site_names=[SITE])
    page = context.get_docs_sites_urls(resource_identifier=identifier, site_names=[SITE])[0]["site_url"]
    return list(result.results), unquote(str(page)).removeprefix("file://")


def _context(docs: Path) -> Any:
    """Great Expectations without a project of its own; its pages go to ``docs``."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    site: Any = {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)},
    }
    for name in context.get_site_names():
        context.delete_data_docs_site(name)
    context.add_data_docs_site(SITE, site)
    return context


def _suite(spec: PipelineSpec, root: Path, as_of: datetime) -> list[Any]:
    try:
        expectations = folders.code(root, spec.name, "expectations").suite(spec, as_of)
    except Exception as error:
        raise ValidationError(
            f"pipelines/{spec.name}/expectations.py: suite(spec, as_of) failed: {type(error).__name__}: {error}",
            next_step="let it return a list of great_expectations.expectations objects",
        ) from error
    if not expectations:
        raise ValidationError(
            f"pipelines/{spec.name}/expectations.py: suite(spec, as_of) returned no expectation",
            next_step="return at least one: a table nothing is expected of is not validated",
        )
    return list(expectations)


def _raise_if_broken(spec: PipelineSpec, results: list[Any]) -> None:
    """An expectation that raised says nothing about the data."""
    broken = []
    for found in results:
        info = found.exception_info or {}
        # one exception, or one per metric id
        for raised in [info] if "raised_exception" in info else list(info.values()):
            if raised and raised.get("raised_exception"):
                column = found.expectation_config.kwargs.get("column")
                broken.append(f"{found.expectation_config.type}({column}): {raised.get('exception_message')}")
                break
    if broken:
        raise ValidationError(
            f"{len(broken)} expectations cannot be evaluated: " + "; ".join(broken),
            next_step=f"make pipelines/{spec.name}/expectations.py fit the columns of features/training",
        )


def _failure(found: Any) -> Failure:
    # through GX's own serialiser: observed values may be numpy's or timestamps
    plain = found.to_json_dict()
    kwargs = plain["expectation_config"]["kwargs"]
    shown = ("observed_value", "unexpected_percent", "unexpected_count", "partial_unexpected_list")
    hidden = ("batch_id", "column", "column_A", "column_B")
    column = kwargs.get("column") or ", ".join(filter(None, (kwargs.get("column_A"), kwargs.get("column_B"))))
    return Failure(
        expectation=plain["expectation_config"]["type"],
        column=column or None,
        expected={key: value for key, value in kwargs.items() if key not in hidden},
        observed={key: plain["result"][key] for key in shown if plain["result"].get(key) is not None},
    )
