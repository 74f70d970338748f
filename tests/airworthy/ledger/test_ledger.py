"""The ledger on SQLite and on a real Postgres server: append-only, chained, once per key, one writer at a time."""

import multiprocessing
import os
import shutil
import subprocess
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airworthy.ledger.events import EVENTS
from airworthy.ledger.ledger import Ledger, LedgerAway, LedgerConflict, LedgerError, LedgerTampered, _hash

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Clock:
    """Says the time it was set to, one second later at every look."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def _postgres_binaries() -> Path | None:
    candidates = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in candidates if (folder / "initdb").exists()), None)


@pytest.fixture(scope="session")
def postgres_url():
    """A Postgres server of our own on a Unix socket; as root it runs as the user postgres."""
    binaries = _postgres_binaries()
    if binaries is None:
        pytest.skip("no Postgres here: neither initdb on the PATH nor anything below /usr/lib/postgresql")
    as_user = []
    if os.getuid() == 0:
        if not shutil.which("setpriv") or subprocess.run(["id", "postgres"], capture_output=True).returncode:
            pytest.skip("Postgres does not run as root, and there is no setpriv or no user postgres to run it as")
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
    # not below pytest's tmp_path: that is closed to other users, and a socket's path has to be short
    folder = Path(tempfile.mkdtemp(prefix="aw-pg-", dir="/tmp"))
    try:
        if as_user:
            shutil.chown(folder, "postgres")
        data = folder / "data"

        def postgres(*command):
            subprocess.run([*as_user, *command], check=True, capture_output=True, timeout=60, cwd=folder)

        postgres(binaries / "initdb", "-D", data, "-U", "airworthy", "-A", "trust", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        postgres(binaries / "pg_ctl", "-D", data, "-o", options, "-l", folder / "log", "-w", "start")
        try:
            yield f"postgresql+psycopg://airworthy@/postgres?host={folder}"
        finally:
            postgres(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    url = request.getfixturevalue("postgres_url")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS airworthy_ledger")
    engine.dispose()
    return url


@pytest.fixture
def ledger(url):
    ledger = Ledger(url, clock=Clock())
    yield ledger
    ledger.close()


def add(ledger, version, event, actor="airflow", key=None, **more):
    release_id = f"flights-v{version}"
    return ledger.append(
        pipeline="flights",
        release_id=release_id,
        version=version,
        event=event,
        actor=actor,
        key=key or f"{release_id}:{event}",
        **more,
    )


def as_owner(url, *statements):
    """What somebody with the database's password can do, triggers out of the way first."""
    engine = sa.create_engine(url)
    off = (
        ["DROP TRIGGER airworthy_ledger_no_UPDATE", "DROP TRIGGER airworthy_ledger_no_DELETE"]
        if engine.dialect.name == "sqlite"
        else ["DROP TRIGGER airworthy_ledger_append_only ON airworthy_ledger"]
    )
    with engine.begin() as connection:
        for statement in [*off, *statements]:
            connection.exec_driver_sql(statement)
    engine.dispose()


def test_entries_come_back_in_order_and_as_they_were_written(ledger):
    first = add(ledger, 1, "bootstrapped", reason="none yet: Ω", details={"b": [1, 2.5, None], "a": "ä"})
    second = add(ledger, 2, "candidate", actor="admin")
    assert ledger.entries() == [first, second]
    assert first.details == {"a": "ä", "b": [1, 2.5, None]}
    assert (first.position, second.position) == (1, 2)
    assert second.previous_hash == first.hash
    assert second.time > first.time and second.time.tzinfo is not None
    assert ledger.entries(release_id="flights-v2") == [second]
    assert ledger.entries(pipeline="other") == []
    assert ledger.verify() == 2


def test_reading_a_ledger_that_is_not_there_finds_no_entries_and_makes_nothing(url, tmp_path):
    ledger = Ledger(url)
    assert ledger.entries() == []
    assert ledger.verify() == 0
    assert ledger.served_at("flights", START) is None
    with pytest.raises(LedgerTampered, match="is gone"):
        ledger.verify(witness="a" * 64)
    assert list(tmp_path.iterdir()) == []
    engine = sa.create_engine(url)
    assert not sa.inspect(engine).has_table("airworthy_ledger")
    engine.dispose()
    ledger.close()


def test_a_ledger_that_begins_while_it_is_read_is_seen(url):
    reader, writer = Ledger(url), Ledger(url)
    assert reader.entries() == []
    entry = add(writer, 1, "candidate")
    assert reader.entries() == [entry]
    reader.close()
    writer.close()


def test_a_second_process_sees_the_same_ledger(ledger, url):
    entry = add(ledger, 1, "candidate")
    assert Ledger(url).entries() == [entry]


def test_the_same_key_and_content_is_written_once(ledger):
    first = add(ledger, 3, "promoted", reason="approved")
    again = add(ledger, 3, "promoted", reason="said differently")
    assert again == first
    assert len(ledger.entries()) == 1


@pytest.mark.parametrize("change", [{"event": "rejected"}, {"version": 4}, {"actor": "mallory"}])
def test_the_same_key_with_other_content_is_refused(ledger, change):
    add(ledger, 3, "approved", actor="ann", key="k")
    arguments = {"version": 3, "event": "approved", "actor": "ann", "key": "k", **change}
    with pytest.raises(LedgerConflict, match=r"key 'k' stands for .*'ann'"):
        add(ledger, **arguments)
    assert len(ledger.entries()) == 1


@pytest.mark.parametrize("statement", ["UPDATE airworthy_ledger SET actor = 'x'", "DELETE FROM airworthy_ledger"])
def test_the_database_refuses_to_change_or_remove_rows(ledger, url, statement):
    entry = add(ledger, 1, "approved", actor="ann")
    engine = sa.create_engine(url)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql(statement)
    engine.dispose()
    assert ledger.entries() == [entry]


def test_postgres_refuses_to_truncate(postgres_url):
    ledger = Ledger(postgres_url)
    engine = sa.create_engine(postgres_url)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE airworthy_ledger")
    engine.dispose()
    ledger.close()


@pytest.mark.parametrize(
    ("statement", "row"),
    [
        ("UPDATE airworthy_ledger SET actor = 'mallory' WHERE position = 2", 2),
        ("UPDATE airworthy_ledger SET details = '{}' WHERE position = 3", 3),
        ("UPDATE airworthy_ledger SET time = '2020-01-01T00:00:00.000000+00:00' WHERE position = 1", 1),
        ("DELETE FROM airworthy_ledger WHERE position = 2", 2),
        ("DELETE FROM airworthy_ledger WHERE position = 1", 1),
    ],
)
def test_verify_names_the_first_broken_row(ledger, url, statement, row):
    for version in range(1, 5):
        add(ledger, version, "approved", actor="ann", details={"digest": "d"})
    as_owner(url, statement)
    with pytest.raises(LedgerTampered, match=f"broken at row {row}:"):
        ledger.verify()


def test_verify_finds_a_row_rewritten_together_with_its_own_hash(ledger, url):
    add(ledger, 1, "rejected", actor="ann")
    add(ledger, 2, "candidate")
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        row = dict(connection.exec_driver_sql("SELECT * FROM airworthy_ledger WHERE position = 1").one()._mapping)
    engine.dispose()
    forged = _hash({**row, "event": "approved"})
    as_owner(url, f"UPDATE airworthy_ledger SET event = 'approved', hash = '{forged}' WHERE position = 1")
    with pytest.raises(LedgerTampered, match="broken at row 2: its previous_hash"):
        ledger.verify()


def test_a_hash_noted_earlier_shows_that_the_end_was_cut_off(ledger, url):
    add(ledger, 1, "candidate")
    noted = add(ledger, 1, "rejected", actor="ann").hash
    assert ledger.verify(witness=noted) == 2
    as_owner(url, "DELETE FROM airworthy_ledger WHERE position = 2")
    assert ledger.verify() == 1
    with pytest.raises(LedgerTampered, match="the end was cut off"):
        ledger.verify(witness=noted)


def test_what_served_at_a_time_and_who_let_it(ledger):
    boot = add(ledger, 1, "bootstrapped")
    add(ledger, 2, "candidate")
    promoted = add(ledger, 2, "promoted", actor="ann")
    restored = add(ledger, 1, "restored", actor="bob")
    assert ledger.served_at("flights", boot.time - timedelta(seconds=1)) is None
    assert ledger.served_at("flights", promoted.time - timedelta(microseconds=1)) == (1, boot)
    assert ledger.served_at("flights", promoted.time) == (2, promoted)
    assert ledger.served_at("flights", restored.time + timedelta(days=9)) == (1, restored)
    assert ledger.served_at("other", restored.time) is None
    with pytest.raises(LedgerError, match="no time zone"):
        ledger.served_at("flights", datetime(2026, 1, 1))


def test_a_clock_that_is_set_back_does_not_reorder_the_past(url):
    times = iter([START, START - timedelta(hours=1)])
    ledger = Ledger(url, clock=lambda: next(times))
    add(ledger, 1, "bootstrapped")
    later = add(ledger, 2, "promoted")
    assert later.time == START
    assert ledger.served_at("flights", START) == (2, later)
    ledger.close()


def test_a_precondition_that_raises_writes_nothing(ledger):
    add(ledger, 1, "candidate")

    def no(entries):
        assert [entry.event for entry in entries] == ["candidate"]
        raise PermissionError("not approved")

    with pytest.raises(PermissionError):
        add(ledger, 1, "promoted", precondition=no)
    assert [entry.event for entry in ledger.entries()] == ["candidate"]


def test_of_two_writers_with_contradicting_preconditions_only_one_succeeds(url):
    """A precondition sees all that was written before, however the two race, also to make the table."""
    barrier = threading.Barrier(2)
    outcomes = []

    def alone(entries):
        if entries:
            raise PermissionError

    def write(event):
        ledger = Ledger(url)
        barrier.wait()
        try:
            add(ledger, 1, event, precondition=alone)
            outcomes.append("written")
        except PermissionError:
            outcomes.append("refused")
        ledger.close()

    threads = [threading.Thread(target=write, args=(event,)) for event in ("promoted", "voided")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "written"]


def _write_many(url, worker, count):
    ledger = Ledger(url)
    for number in range(count):
        add(ledger, number + 1, "candidate", key=f"shared:{number}")
        add(ledger, worker, "verdict", key=f"own:{worker}:{number}")
    ledger.close()


def test_processes_writing_at_once_keep_one_whole_chain_and_one_entry_per_key(url):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write_many, args=(url, worker, 10)) for worker in range(3)]
    for process in workers:
        process.start()
    for process in workers:
        process.join(60)
    assert [process.exitcode for process in workers] == [0, 0, 0]
    ledger = Ledger(url)
    assert ledger.verify() == 10 + 3 * 10
    ledger.close()


def test_numbers_that_json_does_not_know_are_refused(ledger):
    with pytest.raises(ValueError, match="JSON"):
        add(ledger, 1, "verdict", details={"auc": float("nan")})
    assert ledger.entries() == []


def test_an_unreachable_database_is_away_and_its_password_stays_secret():
    with pytest.raises(LedgerAway) as caught:
        Ledger("postgresql+psycopg://me:hunter2@127.0.0.1:1/x?connect_timeout=2").entries()
    assert "airworthy_ledger" in str(caught.value) and "hunter2" not in str(caught.value)


def test_another_kind_of_database_is_refused_with_what_is_allowed():
    with pytest.raises(LedgerError, match="postgresql"):
        Ledger("mysql://localhost/x")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(EVENTS), st.text(max_size=20), st.integers(1, 9), st.integers(0, 5)), max_size=8)
)
def test_whatever_is_written_verifies_and_reads_back(tmp_path_factory, rows):
    ledger = Ledger(f"sqlite:///{tmp_path_factory.mktemp('l') / 'x.db'}")
    keys = {}
    for event, reason, version, key in rows:
        wanted = (event, version)
        if keys.setdefault(key, wanted) != wanted:
            with pytest.raises(LedgerConflict):
                add(ledger, version, event, key=str(key), reason=reason)
        else:
            add(ledger, version, event, key=str(key), reason=reason)
    assert ledger.verify() == len(keys) == len({entry.key for entry in ledger.entries()})
    ledger.close()
