"""One file system for every address, and whole files or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from airworthy.storage import filesystem, s3_options, write_atomically


@pytest.mark.parametrize("address", ["{}/landing", "{}/landing/", "file://{}/landing"])
def test_a_folder_is_itself_however_it_is_written(tmp_path: Path, address: str) -> None:
    fs, path = filesystem(address.format(tmp_path), {"AWS_REGION": "ignored"})
    assert isinstance(fs, LocalFileSystem)
    assert path == f"{tmp_path}/landing"


@pytest.mark.parametrize("scheme", ["s3", "s3a"])
def test_s3_is_found_by_bucket_and_prefix_at_the_given_endpoint(scheme: str) -> None:
    options = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    fs, path = filesystem(f"{scheme}://bucket/prefix/", options)
    assert path == "bucket/prefix"
    assert fs.fs.region == "us-east-1", "asking a given endpoint for its region would wait for an answer"


def test_anything_else_is_fsspecs() -> None:
    fs, path = filesystem("memory://things/a", {})
    assert isinstance(fs, MemoryFileSystem)
    assert path == "/things/a"


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ({"aws_access_key_id": "a"}, {"ACCESS_KEY_ID": "a"}),
        ({"SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": ""}, {"SECRET_ACCESS_KEY": "b"}),
        ({"AWS_ENDPOINT": "http://x"}, {"ENDPOINT": "http://x", "ENDPOINT_URL": "http://x"}),
        ({"AWS_DEFAULT_REGION": "eu", "AWS_REGION": "us"}, {"DEFAULT_REGION": "eu", "REGION": "us"}),
    ],
)
def test_storage_options_have_one_spelling_here(given: dict[str, str], known: dict[str, str]) -> None:
    assert s3_options(given) == known


def test_a_file_is_written_into_a_new_folder_and_over_an_old_one(tmp_path: Path) -> None:
    fs, root = filesystem(str(tmp_path), {})
    for data in (b"one", b"two"):
        write_atomically(fs, f"{root}/a/b.csv", data)
        assert (tmp_path / "a" / "b.csv").read_bytes() == data
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.csv"]


def test_a_write_that_fails_leaves_the_old_file_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fs, root = filesystem(str(tmp_path), {})
    write_atomically(fs, f"{root}/b.csv", b"whole")
    write = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        write(self, data[:1])
        raise OSError("No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(fs, f"{root}/b.csv", b"newer")
    assert (tmp_path / "b.csv").read_bytes() == b"whole"
    assert all(path.name.startswith(".") for path in tmp_path.iterdir() if path.name != "b.csv")


def test_an_object_store_takes_the_file_at_once() -> None:
    fs, path = filesystem("memory://write-atomically/b.csv", {})
    write_atomically(fs, path, b"whole")
    assert fs.cat_file(path) == b"whole"
