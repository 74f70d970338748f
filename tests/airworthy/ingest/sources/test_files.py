"""The landing zone: which files are there, which of them are complete, and what is said when it cannot be read."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fsspec.implementations.local import LocalFileSystem

from airworthy.ingest.sources.files import Landed, Landing, LandingError, Settle

OLD = datetime(2013, 1, 1, tzinfo=UTC)


def put(folder: Path, name: str, text: str = "x", modified: datetime = OLD) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (modified.timestamp(), modified.timestamp()))
    return path


def landing(folder: Path) -> Landing:
    return Landing(str(folder), {})


def test_files_come_oldest_first_with_size_and_time_and_a_path_below_the_zone(tmp_path: Path) -> None:
    put(tmp_path, "things/b.csv", "12", OLD)
    put(tmp_path, "things/a.csv", "1", OLD + timedelta(hours=1))
    put(tmp_path, "others/c.csv")
    (tmp_path / "things" / "folder.csv").mkdir()
    finished, unfinished = landing(tmp_path).files("things/*.csv")
    assert finished == [Landed("things/b.csv", 2, OLD), Landed("things/a.csv", 1, OLD + timedelta(hours=1))]
    assert unfinished == []


def test_a_zone_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert landing(tmp_path / "nowhere").files("*.csv") == ([], [])


def test_temporary_names_are_left_for_their_writers(tmp_path: Path) -> None:
    for name in ("a.csv.tmp", "b.csv.part", "_c.csv", ".d.csv", "e.csv"):
        put(tmp_path, f"things/{name}")
    finished, unfinished = landing(tmp_path).files("things/*.csv")
    assert [file.path for file in finished] == ["things/e.csv"]
    assert sorted(file.path for file in unfinished) == [
        "things/.d.csv",
        "things/_c.csv",
        "things/a.csv.tmp",
        "things/b.csv.part",
    ]


def test_files_that_change_or_vanish_during_the_pause_are_moving(tmp_path: Path) -> None:
    still, grows, goes = (put(tmp_path, f"{name}.csv") for name in ("still", "grows", "goes"))
    zone = landing(tmp_path)
    files, _ = zone.files("*.csv")

    def meanwhile(_seconds: float) -> None:
        grows.write_text("longer")
        goes.unlink()

    assert zone.moving("*.csv", files, Settle(sleep=meanwhile)) == {"grows.csv", "goes.csv"}
    assert still.exists()


def test_without_a_young_file_nobody_waits(tmp_path: Path) -> None:
    def never(_seconds: float) -> None:
        raise AssertionError("waited")

    assert landing(tmp_path).moving("*.csv", [], Settle(sleep=never)) == set()


def test_a_file_from_the_future_is_young_too() -> None:
    settle = Settle(young=timedelta(seconds=60))
    ages = {-3600: True, 0: True, 59: True, 60: False}
    for age, young in ages.items():
        assert settle.is_young(Landed("a", 1, OLD - timedelta(seconds=age)), OLD) is young


def test_contents_come_in_the_order_asked_for_and_none_for_a_file_that_is_gone(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", "A")
    put(tmp_path, "b.csv", "B")
    files = [Landed(name, 1, OLD) for name in ("b.csv", "gone.csv", "a.csv")]
    assert landing(tmp_path).read(files) == [b"B", None, b"A"]


def test_a_file_that_may_not_be_read_says_which_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: LocalFileSystem, path: str, **_: object) -> bytes:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(LocalFileSystem, "cat_file", refuse)  # file modes do not stop root
    with pytest.raises(LandingError, match=r"a\.csv cannot be read") as refused:
        landing(tmp_path).read([Landed("a.csv", 1, OLD)])
    assert refused.value.next_step == "let this user read it; docs/runbook.md#landing-unreadable"


def test_a_zone_that_cannot_be_listed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: LocalFileSystem, pattern: str, **_: object) -> dict[str, object]:
        raise OSError("no route to host")

    monkeypatch.setattr(LocalFileSystem, "glob", refuse)
    with pytest.raises(LandingError, match="cannot be listed: no route to host"):
        landing(tmp_path).files("*.csv")
