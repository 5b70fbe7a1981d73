"""The store's file: how it comes to be, what it refuses to be, and what may not be done to it."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from qx.adapters.sqlite import samples
from qx.adapters.sqlite.store import SqliteStore
from qx.engine.chain import verify
from qx.kernel.errors import QxError, Refused
from qx.model.observation import Sample
from tests.fakes.rigs import Clocks
from tests.fakes.runs import a_plan, a_run, an_entry

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "qx" / "test.db"


@pytest.fixture
def written(path: Path) -> Path:
    """A store that holds one run with three entries."""
    with SqliteStore(path) as store:
        store.begin(a_run(), a_plan())
        for seq in (1, 2, 3):
            store.append(an_entry(seq))
        store.release(store.acquire(("trading",), "run-1", 5.0))
    return path


def refused(path: Path) -> QxError:
    with pytest.raises(QxError) as error, SqliteStore(path):
        pass
    assert error.value.code == "QX-STORE-005"
    assert str(path) in error.value.message
    assert error.value.hint
    return error.value


def raw(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path)
    try:
        for statement in statements:
            db.execute(statement)
        db.commit()
    finally:
        db.close()


# -- creation

def test_made_on_first_use_for_its_owner_only(path: Path) -> None:
    with SqliteStore(path) as store:
        first = store.store_id
        store.acquire(("trading",), "run-1", 5.0)
        kinds = {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}
    assert kinds == dict.fromkeys(("test.db", "test.db-wal", "test.db-shm"), 0o600)
    assert [each.stat().st_mode & 0o777 for each in (path.parent, path.parent.parent)] == [0o700, 0o700]
    with SqliteStore(path) as again:
        assert again.store_id == first
    assert [each.name for each in path.parent.iterdir()] == ["test.db"]


def test_two_stores_have_two_ids(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "a.db") as one, SqliteStore(tmp_path / "b.db") as other:
        assert one.store_id != other.store_id


def test_a_directory_that_stands_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    SqliteStore(tmp_path / "a.db").shut()
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_every_commit_is_on_the_disk(path: Path) -> None:
    with SqliteStore(path) as store, store._connection.reading() as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL


# -- refusals

def test_a_foreign_file_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir(parents=True)
    for content in (b"", b"hello", b"x" * 8192):
        path.write_bytes(content)
        refused(path)
        assert path.read_bytes() == content


def test_another_programs_database_is_refused(path: Path) -> None:
    path.parent.mkdir(parents=True)
    raw(path, "CREATE TABLE theirs (a)")
    assert "not a qx store" in refused(path).message


def test_a_directory_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    refused(path)


def test_a_file_in_the_place_of_its_directory_is_refused(path: Path) -> None:
    path.parent.parent.mkdir()
    path.parent.write_text("")
    refused(path)


@pytest.mark.parametrize(("version", "hint"), [(1, "move that file away"), (99, "a newer one")])
def test_a_store_of_another_version_is_refused(written: Path, version: int, hint: str) -> None:
    raw(written, f"PRAGMA user_version = {version}")
    error = refused(written)
    assert f"has version {version} of the store" in error.message
    assert hint in error.hint


def test_a_corrupt_store_is_refused_where_it_is_seen(written: Path) -> None:
    size = written.stat().st_size
    with written.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(QxError) as error, SqliteStore(written) as store:
        store.chain()
    assert error.value.code == "QX-STORE-005"
    assert str(written) in error.value.message


def test_waiting_for_another_process_is_bounded(path: Path) -> None:
    with SqliteStore(path) as holder, SqliteStore(path, busy_s=0.1) as store, holder._connection.writing():
        with pytest.raises(QxError, match="another process holds it") as error:
            store.acquire(("trading",), "run-1", 5.0)
        assert store.rules() == {}  # reading waits for nobody
    assert error.value.code == "QX-STORE-005"


# -- what was written stays

@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET body = json_set(body, '$.at', 0)",
        "UPDATE entries SET digest = ''",
        "DELETE FROM entries",
        "DELETE FROM entries WHERE position = 3",
        "INSERT OR REPLACE INTO entries VALUES (3, '{\"run\":\"run-1\",\"seq\":3}', '', '')",
        "INSERT INTO entries VALUES (9, '{\"run\":\"run-1\",\"seq\":4}', '', '')",
        "INSERT INTO entries VALUES (4, '{\"run\":\"run-1\",\"seq\":3}', '', '')",
        "UPDATE plans SET body = '{}'",
        "DELETE FROM plans",
        "DELETE FROM runs",
        "UPDATE runs SET run_by = 'nobody'",
        "UPDATE runs SET plan_digest = ''",
        "UPDATE rules SET epoch = 0",
        "DELETE FROM rules",
    ],
)
def test_no_connection_can_rewrite_it(written: Path, statement: str) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        raw(written, statement)
    with SqliteStore(written) as store:
        assert verify(store.chain()) == []
        assert len(store.chain()) == 3


def test_who_takes_the_triggers_away_is_found_by_the_chain(written: Path) -> None:
    raw(written, "DROP TRIGGER kept_0", "UPDATE entries SET body = json_set(body, '$.at', 99.0) WHERE position = 2")
    with SqliteStore(written) as store:
        assert [(each.position, each.what) for each in verify(store.chain())] == [(2, "digest")]


@pytest.mark.parametrize(
    "body",
    [
        """replace(body, '{', '{"hidden":1,')""",
        """replace(body, '{', '{"at":1.0,')""",
        "replace(body, ':', ': ')",
        "json_remove(body, '$.event')",
    ],
)
def test_an_entry_that_says_other_than_was_digested_is_not_read(written: Path, body: str) -> None:
    raw(written, "DROP TRIGGER kept_0", f"UPDATE entries SET body = {body} WHERE position = 2")
    with SqliteStore(written) as store, pytest.raises(QxError, match="entry 2") as error:
        store.chain()
    assert error.value.code == "QX-STORE-004"


def test_a_transaction_that_fails_changes_nothing(path: Path) -> None:
    with SqliteStore(path) as store:
        with pytest.raises(KeyboardInterrupt), store._connection.writing() as db:  # noqa: PT012
            db.execute("INSERT INTO rules (cluster, epoch) VALUES ('trading', 9)")
            raise KeyboardInterrupt
        assert store.rules() == {}
        (lease,) = store.acquire(("trading",), "run-1", 5.0)
        assert lease.epoch == 1


def test_a_store_that_was_shut_says_so(path: Path) -> None:
    store = SqliteStore(path)
    store.shut()
    store.shut()
    with pytest.raises(ValueError, match="shut"):
        store.rules()


def test_threads_take_turns(path: Path) -> None:
    with SqliteStore(path) as store:
        store.begin(a_run(), a_plan())
        granted: list[int] = []

        def act() -> None:
            granted.extend(store.acquire(("trading",), "run-1", 5.0)[0].epoch for _ in range(20))

        threads = [threading.Thread(target=act) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(granted) == list(range(1, 81))


# -- clocks

@pytest.mark.parametrize(("down", "held"), [(1.0, True), (60.0, False)])
def test_after_a_reboot_the_wall_clock_decides(path: Path, down: float, held: bool) -> None:
    clocks = Clocks()
    with SqliteStore(path, now=clocks.instant) as store:
        store.acquire(("trading",), "run-1", 15.0)
        clocks.reboot("boot-2", down)
        assert bool(store.leases()) == held
        if held:
            with pytest.raises(Refused):
                store.acquire(("trading",), "run-2", 15.0)
        else:
            store.acquire(("trading",), "run-2", 15.0)


def test_a_system_without_a_boot_clock_uses_the_wall_clock(path: Path) -> None:
    clocks = Clocks(boot="", since_boot=0.0)
    with SqliteStore(path, now=clocks.instant) as store:
        (lease,) = store.acquire(("trading",), "run-1", 15.0)
        clocks.wall += 14.9
        store.check(lease)
        clocks.wall += 0.1
        with pytest.raises(Refused):
            store.check(lease)


# -- bounds

def test_samples_are_bounded_by_number_whatever_the_clock_did(path: Path) -> None:
    taken = [Sample("trading", "us-east", at, "7/1", n, 0) for n, at in enumerate([50.0, 9e9, 60.0, 10.0, 70.0])]
    with SqliteStore(path) as store:
        for each in taken:
            with store._connection.writing() as db:
                samples.keep(db, (each,), kept=3)
        assert [sample.position for sample in store.samples("trading", 0.0)] == [3, 2, 4]
