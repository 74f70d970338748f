"""The Spark session: the same under spark-submit, in a test and in a notebook."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from airworthy.storage import s3_options

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

INCLUDE = Path(__file__).resolve().parents[2]
LOCAL_CONFIGURATION = INCLUDE.parent / "deploy" / "spark" / "local"

COMMON = {
    "spark.sql.session.timeZone": "UTC",
    # Spark's default, INT96, has neither a zone nor statistics; Delta knows microseconds only
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "50000",
    "spark.ui.showConsoleProgress": "false",
}

# On one machine, for some hundred thousand rows: few tasks, no planning between the stages, no packing of what is kept
# in memory for seconds. A cluster decides these itself.
LOCAL = {
    "spark.sql.shuffle.partitions": "4",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
}


def spark_session(
    app_name: str, *, master: str | None = None, storage_options: Mapping[str, str] | None = None
) -> SparkSession:
    """The running session, or a new one.

    Args:
        app_name: shown by the cluster.
        master: e.g. ``local[2]``. None: what spark-submit was given, else ``local[*]``.
        storage_options: delta-rs keys of an S3 lake, translated for Hadoop's ``s3a://``. The cluster must have the
            ``hadoop-aws`` jar then (``spark.jars.packages``).
    """
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName(app_name)
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if master or not submitted:
        builder = builder.master(master or "local[*]")
    configuration = {**COMMON, **_python_path(), **s3a_configuration(storage_options or {})}
    if _is_local(master, submitted):
        configuration = {**LOCAL, **configuration}
        if not submitted and LOCAL_CONFIGURATION.is_dir():
            # the JVM is still to be started, by pyspark: the settings that spark-submit finds there too
            os.environ.setdefault("SPARK_CONF_DIR", str(LOCAL_CONFIGURATION))
        # else the workers are whatever python3 is on PATH, without this environment's packages
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    for key, value in configuration.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def spark_address(uri: str) -> str:
    """The address of a file as Hadoop writes it."""
    return "s3a://" + uri.removeprefix("s3://") if uri.startswith("s3://") else uri


def s3a_configuration(storage_options: Mapping[str, str]) -> dict[str, str]:
    """delta-rs storage options as Spark configuration."""
    options = s3_options(storage_options)
    names = {
        "ACCESS_KEY_ID": "spark.hadoop.fs.s3a.access.key",
        "SECRET_ACCESS_KEY": "spark.hadoop.fs.s3a.secret.key",
        "SESSION_TOKEN": "spark.hadoop.fs.s3a.session.token",
        "ENDPOINT_URL": "spark.hadoop.fs.s3a.endpoint",
        "REGION": "spark.hadoop.fs.s3a.endpoint.region",
    }
    found = {spark: options[ours] for ours, spark in names.items() if ours in options}
    if "ENDPOINT_URL" in options:
        found["spark.hadoop.fs.s3a.path.style.access"] = "true"
        secure = options["ENDPOINT_URL"].startswith("https")
        found["spark.hadoop.fs.s3a.connection.ssl.enabled"] = str(secure).lower()
    return found


def _python_path() -> dict[str, str]:
    # the workers are processes of their own: they import this package by PYTHONPATH, whatever the driver's sys.path
    paths = [str(INCLUDE), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {"spark.executorEnv.PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}


def _is_local(master: str | None, submitted: bool) -> bool:
    if master or not submitted:
        return (master or "local").startswith("local")
    from pyspark import SparkConf

    return (SparkConf().get("spark.master") or "local").startswith("local")
