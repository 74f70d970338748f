"""The same on S3: landing zone and lake in buckets of a local S3 endpoint (moto)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airworthy.ingest.sources.files import Settle
from airworthy.ingest.take import take_landed
from airworthy.lake.lake import Lake
from airworthy.settings import PROJECT_ROOT, Settings
from airworthy.spec import folders
from airworthy.storage import filesystem
from airworthy_demo.world import World

DAY = date(2013, 1, 1)
QUIET = Settle(sleep=lambda _: None)


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, str]]:
    import boto3
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for every request hides the failure
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    # what a connection of the amazon provider gives; S3 itself needs neither endpoint nor AWS_ALLOW_HTTP
    options = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
    }
    client = boto3.client(
        "s3",
        endpoint_url=options["AWS_ENDPOINT_URL"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
        region_name="us-east-1",
    )
    for bucket in ("landing", "lake"):
        client.create_bucket(Bucket=bucket)
    yield options
    server.stop()


@pytest.fixture
def settings(options: dict[str, str], tmp_path: Path) -> Settings:
    name = tmp_path.name
    return Settings(home=tmp_path, lake=f"s3://lake/{name}", landing=f"s3://landing/{name}", storage_options=options)


def test_a_day_lands_on_s3_and_is_ingested_once(settings: Settings, options: dict[str, str]) -> None:
    spec = folders.load(PROJECT_ROOT / "include" / "pipelines", "flight_delays")
    world = World()
    assert len(world.land(settings.landing, DAY, DAY, storage_options=options)) == 3
    assert world.land(settings.landing, DAY, DAY, storage_options=options) == []
    fs, root = filesystem(settings.landing, options)
    fs.pipe_file(f"{root}/flights/bad.csv", b"year,month\n2013,1\n")

    report = take_landed(spec, settings, settle=QUIET)
    assert (report.ingested, report.quarantined, report.rows) == (3, 1, 842 + 67 + 3322)
    lake = Lake.of(settings)
    assert lake.read("flight_delays/raw/flights", columns=["flight"]).num_rows == 842
    assert lake.read("flight_delays/quarantine/flights")["file"].to_pylist() == ["flights/bad.csv"]
    assert all(file.startswith("s3://lake/") for file in lake.files("flight_delays/raw/flights"))

    again = take_landed(spec, settings, settle=QUIET)
    assert (again.files, again.skipped, again.versions) == ((), 4, report.versions)
    assert take_landed(spec, settings, settle=QUIET, as_of=datetime.now(UTC) - timedelta(days=1)).skipped == 0


def test_parts_on_s3_are_committed_and_staging_is_removed(settings: Settings) -> None:
    lake = Lake.of(settings)
    staged = lake.staged("demo/features", "run", partition_by=["month"])
    fs, path = filesystem(staged.folder, settings.storage_options)
    for month in (1, 2):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.table({"id": [month]}), sink)
        fs.pipe_file(f"{path}/month={month}/part-0.parquet", sink.getvalue().to_pybytes())
    version = lake.commit_staged(staged, transaction=("build", 1))
    assert sorted(lake.read("demo/features", version)["month"].to_pylist()) == [1, 2]
    assert not fs.exists(path)
    assert lake.commit_staged(staged, transaction=("build", 1)) == version
