"""The contract of NodeControl where data are kept and replaced: salvage, rewind, clone, on real servers."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from qx.model.control import PgControl
from tests.fixtures_nodes import PgSite, RedisSite, Sites, conninfo, fork_of, refused, streams
from tests.fixtures_servers import SUPERUSER, wait_until

T = 60.0
AT_WRITER, AT_STANDBY = "us-east", "eu-west"

pytestmark = pytest.mark.integration


class Pair:
    """A writer and a standby that streams from it, both started by their controls; then what happens to pairs."""

    def __init__(self, writer: PgSite, standby: PgSite) -> None:
        self.writer, self.standby = writer, standby

    async def start(self) -> None:
        await self.writer.control.start(1, "writer", T)
        self.writer.sql("SELECT pg_create_physical_replication_slot('standby', true)")
        await self.standby.control.follow(1, conninfo(self.writer.node, AT_STANDBY), "standby", T)
        await self.standby.control.start(1, "replica", T)
        streams(self.writer.node, AT_STANDBY)

    async def cut(self) -> None:
        """The standby has all, and gets nothing more."""
        [(position,)] = self.writer.sql("SELECT pg_current_wal_flush_lsn()")
        seen = "SELECT 1 WHERE pg_last_wal_replay_lsn() >= %s::pg_lsn"
        wait_until(lambda: self.standby.sql(seen, position), "it has replayed")
        await self.standby.control.stop(1, "clean", T)

    async def promote(self) -> int:
        """The standby is the writer now; where its timeline began."""
        await self.standby.control.start(1, "replica", T)
        self.standby.sql("SELECT pg_promote()")
        wait_until(lambda: self.standby.sql("SELECT 1 WHERE NOT pg_is_in_recovery()"), "it writes")
        self.standby.sql("CHECKPOINT")
        return fork_of(self.standby.node)

    async def diverge(self) -> int:
        """A write that only the old writer has; it is dead then, and pinned. Returns the fork."""
        self.writer.sql("CREATE TABLE trades (id int PRIMARY KEY, what text)")
        self.writer.sql("INSERT INTO trades SELECT n, 'both' FROM generate_series(1, 100) n")
        await self.cut()
        self.writer.sql("INSERT INTO trades VALUES (101, 'lost')")
        await self.writer.control.pin(2, "", T)
        await self.writer.control.stop(2, "kill", T)
        return await self.promote()


@pytest.fixture
def pair(sites: Sites, pg_major: int) -> Pair:
    return Pair(sites.postgres(pg_major), sites.postgres(pg_major))


async def joins(pair: Pair, epoch: int = 3) -> None:
    """The old writer follows the new one, which sees it stream, and has what it has."""
    if not pair.standby.sql("SELECT 1 FROM pg_replication_slots WHERE slot_name = 'back'"):
        pair.standby.sql("SELECT pg_create_physical_replication_slot('back', true)")
    await pair.writer.control.follow(epoch, conninfo(pair.standby.node, AT_WRITER), "back", T)
    await pair.writer.control.start(epoch, "replica", T)
    streams(pair.standby.node, AT_WRITER)
    pair.standby.sql("CREATE TABLE after_all AS SELECT 1 AS one")
    wait_until(lambda: pair.writer.sql("SELECT to_regclass('after_all')")[0][0], "it gets what the writer writes")


def own_files(site: PgSite) -> dict[str, str]:
    return {path.name: path.read_text() for path in site.data.glob("*.conf")}


# -- rewind


async def test_a_diverged_writer_is_rewound_and_streams(pair: Pair) -> None:
    await pair.start()
    await pair.diverge()
    mine = own_files(pair.writer)
    mode = pair.writer.data.stat().st_mode

    told = await pair.writer.control.rewind(3, conninfo(pair.standby.node, AT_WRITER), T)

    assert told["rewound"] is True
    found = await pair.writer.control.inspect(T)
    assert isinstance(found, PgControl)
    assert found.standby_signal
    assert pair.writer.data.stat().st_mode == mode
    kept = own_files(pair.writer)
    assert {name: text for name, text in kept.items() if name != "postgresql.auto.conf"} == {
        name: text for name, text in mine.items() if name != "postgresql.auto.conf"
    }
    assert f"port={pair.standby.node.port}" in kept["postgresql.auto.conf"]
    await joins(pair)
    assert pair.writer.sql("SELECT count(*) FROM trades") == [(100,)]


async def test_a_rewind_that_is_not_needed_changes_nothing_else(pair: Pair) -> None:
    await pair.start()
    await pair.cut()
    await pair.standby.control.start(1, "replica", T)
    streams(pair.writer.node, AT_STANDBY)
    await pair.writer.control.pin(2, "", T)
    await pair.writer.control.stop(2, "clean", T)
    await pair.promote()
    told = await pair.writer.control.rewind(3, conninfo(pair.standby.node, AT_WRITER), T)
    assert told["rewound"] is False
    await joins(pair)


async def test_a_node_that_cannot_be_rewound_is_left_as_it_was(pair: Pair) -> None:
    await pair.start()
    await pair.diverge()
    before = await pair.writer.control.inspect(T)
    assert isinstance(before, PgControl)
    await pair.standby.control.stop(1, "clean", T)
    error = await refused("QX-NODE-006", pair.writer.control.rewind(3, conninfo(pair.standby.node, AT_WRITER), T))
    assert "does not answer" in error.message
    after = await pair.writer.control.inspect(T)
    assert isinstance(after, PgControl)
    assert (after.state, after.checkpoint, after.standby_signal) == (before.state, before.checkpoint, True)
    await pair.writer.control.start(3, "replica", T)


async def test_an_upstream_without_a_checkpoint_on_its_timeline_is_refused(pair: Pair) -> None:
    """pg_rewind up to 15 would say that nothing is to be done."""
    await pair.start()
    pair.writer.sql("CREATE TABLE big AS SELECT n, repeat('x', 500) AS x FROM generate_series(1, 5000) n")
    await pair.cut()
    pair.writer.sql("INSERT INTO big VALUES (0, 'lost')")
    await pair.writer.control.stop(2, "kill", T)
    await pair.standby.control.start(1, "replica", T)
    pair.standby.sql("ALTER SYSTEM SET checkpoint_timeout = '1d'")
    pair.standby.sql("SELECT pg_promote()")
    [(checkpointed,)] = pair.standby.sql("SELECT timeline_id FROM pg_control_checkpoint()")
    if checkpointed == 2:
        pytest.skip("its checkpoint was quicker than we")
    error = await refused("QX-NODE-006", pair.writer.control.rewind(3, conninfo(pair.standby.node, AT_WRITER), T))
    assert "checkpoint" in error.message


async def test_nothing_starts_over_a_rewind_that_was_interrupted(pair: Pair) -> None:
    """As if qx had died in the middle: marked, barred, its own settings already replaced by the other's."""
    await pair.start()
    await pair.diverge()
    mine = own_files(pair.writer)
    interrupted(pair.writer)

    await refused("QX-NODE-006", pair.writer.control.start(2, "replica", T))
    with pytest.raises(Exception, match="returned non-zero"):
        pair.writer.raw_start()
    await refused("QX-NODE-006", pair.writer.control.rewind(3, conninfo(pair.standby.node, AT_WRITER), T))

    await pair.writer.control.clone(3, conninfo(pair.standby.node, AT_WRITER), "", T)
    assert own_files(pair.writer)["postgresql.conf"] == mine["postgresql.conf"]
    await joins(pair)


def interrupted(site: PgSite) -> None:
    from qx.adapters.node import keepsakes, pgdata

    memory = json.loads(Path(f"{site.data}.qx.json").read_text())
    Path(f"{site.data}.qx.json").write_text(json.dumps(memory | {"incomplete": "rewind"}))
    keepsakes.keep(site.data)
    pgdata.bar(site.data)
    pgdata.unpin(site.data)
    (site.data / "postgresql.conf").write_text("port = 1\n")


# -- clone


async def test_a_clone_takes_the_place_of_what_was_there(pair: Pair) -> None:
    await pair.start()
    await pair.diverge()
    mine = own_files(pair.writer)
    pair.standby.sql("SELECT pg_create_physical_replication_slot('back', true)")

    told = await pair.writer.control.clone(3, conninfo(pair.standby.node, AT_WRITER), "back", T)

    assert told["cloned"] is True
    assert told["erased_first"] is False
    assert own_files(pair.writer)["postgresql.conf"] == mine["postgresql.conf"]
    assert not (pair.writer.data / "qx-clone").exists()
    await joins(pair)
    assert pair.writer.sql("SELECT count(*) FROM trades") == [(100,)]


async def test_a_clone_keeps_the_wal_where_it_was(pair: Pair) -> None:
    elsewhere = pair.writer.home / "wal"
    shutil.move(pair.writer.data / "pg_wal", elsewhere)
    (pair.writer.data / "pg_wal").symlink_to(elsewhere)
    await pair.start()
    await pair.diverge()
    await pair.writer.control.clone(3, conninfo(pair.standby.node, AT_WRITER), "", T)
    assert (pair.writer.data / "pg_wal").readlink() == elsewhere
    assert not (elsewhere / "qx-clone").exists()
    await joins(pair)


async def test_a_missing_data_directory_is_cloned(pair: Pair) -> None:
    await pair.start()
    await pair.diverge()
    settings = (pair.writer.data / "postgresql.conf").read_text()
    shutil.rmtree(pair.writer.data)
    await refused("QX-NODE-006", pair.writer.control.inspect(T))
    await pair.writer.control.clone(3, conninfo(pair.standby.node, AT_WRITER), "", T)
    (pair.writer.data / "postgresql.conf").write_text(settings)
    await joins(pair)


async def test_a_clone_that_fails_leaves_the_old_data(pair: Pair) -> None:
    await pair.start()
    await pair.diverge()
    absent = pair.writer.control.clone(3, conninfo(pair.standby.node, AT_WRITER), "no_such_slot", T)
    error = await refused("QX-NODE-006", absent)
    assert "no_such_slot" in error.message
    await pair.writer.control.unpin(3, T)
    await pair.writer.control.start(3, "writer", T)
    assert pair.writer.sql("SELECT count(*) FROM trades") == [(101,)]


async def test_a_clone_of_another_system_is_refused(pair: Pair, sites: Sites, pg_major: int) -> None:
    stranger = sites.postgres(pg_major)
    shutil.rmtree(stranger.data)
    stranger.initdb()
    await stranger.control.start(1, "writer", T)
    error = await refused("QX-NODE-006", pair.writer.control.clone(1, conninfo(stranger.node), "", T))
    assert "another cluster" in error.hint
    await pair.writer.control.start(1, "writer", T)


@pytest.mark.parametrize("verb", ["rewind", "clone"])
async def test_a_password_is_in_no_argv_and_in_no_file_that_stays(pair: Pair, verb: str) -> None:
    secret = "a:b\\c'd e"  # everything that one of the spellings has to escape
    await pair.start()
    await pair.diverge()
    with pair.standby.node.connect() as link:
        link.execute(psycopg.sql.SQL("ALTER USER {} PASSWORD {}").format(
            psycopg.sql.Identifier(SUPERUSER), psycopg.sql.Literal(secret)))
    rules = "host all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n"
    (pair.standby.data / "pg_hba.conf").write_text(rules)
    await pair.standby.control.stop(1, "clean", T)
    await pair.standby.control.start(1, "writer", T)
    source = psycopg.conninfo.make_conninfo(conninfo(pair.standby.node, AT_WRITER), password=secret)

    argvs = watch_argvs(pair.writer)
    if verb == "rewind":
        await pair.writer.control.rewind(3, source, T)
    else:
        await pair.writer.control.clone(3, source, "", T)
    seen = argvs()

    assert any("passfile" in argv for argv in seen), "the programs were seen"
    assert not any("a:b" in argv for argv in seen)
    assert not list(pair.writer.home.glob("*pass*"))
    await pair.writer.control.start(3, "replica", T)
    wait_until(lambda: pair.writer.sql("SELECT 1 WHERE pg_is_in_recovery()"), "it is up")
    status = "SELECT 1 FROM pg_stat_wal_receiver WHERE status = 'streaming'"
    wait_until(lambda: pair.writer.sql(status), "it streams with the password")


def watch_argvs(site: PgSite) -> Callable[[], set[str]]:
    """What pg_rewind and pg_basebackup are called with, from now until the answer is asked for: through wrappers."""
    log = site.home / "argvs"
    real = Path(site.settings.bin_dir)
    wrapped = site.home / "bin"
    wrapped.mkdir()
    for program in real.iterdir():
        (wrapped / program.name).symlink_to(program)
    for name in ("pg_rewind", "pg_basebackup"):
        (wrapped / name).unlink()
        lines = ("#!/bin/sh", f'printf "%s\\n" "$*" >> "{log}"', f'env >> "{log}"', f'exec "{real / name}" "$@"')
        (wrapped / name).write_text("\n".join(lines))
        (wrapped / name).chmod(0o755)
    site.settings = msgspec.structs.replace(site.settings, bin_dir=str(wrapped))
    return lambda: set(log.read_text().splitlines())


# -- salvage


def rows_of(manifest: dict[str, Any], into: Path) -> dict[str, set[tuple[str, ...]]]:
    found = {}
    for table in manifest["tables"]:
        with (into / table["file"]).open(newline="") as file:
            rows = [tuple(row) for row in csv.reader(file)][1:]
        assert len(rows) == table["rows"]
        found[f"{table['database']}.{table['schema']}.{table['name']}"] = set(rows)
    return found


def check_files(manifest: dict[str, Any], into: Path) -> None:
    """Every file stands in the manifest with its digest, and nothing else stands there."""
    for entry in manifest["files"]:
        data = (into / entry["path"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry["bytes"], entry["sha256"])
    there = {str(path.relative_to(into)) for path in into.rglob("*") if path.is_file()}
    assert there == {entry["path"] for entry in manifest["files"]} | {"manifest.json"}
    assert json.loads((into / "manifest.json").read_text()) == manifest


async def lose(pair: Pair) -> tuple[int, int]:
    """Commits of many shapes that only the old writer has. Returns the fork and how many they are."""
    writer = pair.writer
    writer.sql("CREATE TABLE trades (id int PRIMARY KEY, what text)")
    writer.sql('CREATE SCHEMA "Odd ""one"; CREATE TABLE "Odd ""one"."a,b" (x text)')
    writer.sql("CREATE TABLE quiet (id int)")
    writer.sql("CREATE TABLE elsewhere (what text)")
    writer.sql("INSERT INTO trades SELECT n, 'both' FROM generate_series(1, 100) n")
    writer.sql("INSERT INTO quiet VALUES (1)")
    writer.sql("CREATE DATABASE other")
    with psycopg.connect(writer.node.url) as early, psycopg.connect(writer.node.url) as never:
        early.execute("INSERT INTO trades VALUES (201, 'began before the fork')")
        early.execute("INSERT INTO elsewhere VALUES ('began before the fork')")
        never.execute("INSERT INTO trades VALUES (301, 'never committed')")
        writer.sql("INSERT INTO quiet VALUES (2)")  # writes out what those two have begun
        await pair.cut()
        early.commit()
        writer.sql("INSERT INTO trades VALUES (202, 'a \"quoted\"\nline')")
        writer.sql("UPDATE trades SET what = 'changed' WHERE id = 7")
        writer.sql("DELETE FROM trades WHERE id = 8")
        writer.sql('INSERT INTO "Odd ""one"."a,b" VALUES (\'odd\')')
        nest(writer)
        with psycopg.connect(writer.node.url.removesuffix("postgres") + "other", autocommit=True) as elsewhere:
            elsewhere.execute("CREATE TABLE far AS SELECT 'away' AS place")
        await writer.control.pin(2, "", T)
        await writer.control.stop(2, "kill", T)
        never.close()
    return await pair.promote(), 7


def nest(site: PgSite) -> None:
    with site.node.connect() as link, link.transaction():
        link.execute("INSERT INTO trades VALUES (203, 'outer')")
        with link.transaction():
            link.execute("INSERT INTO trades VALUES (204, 'in a savepoint')")
        with link.transaction(force_rollback=True):
            link.execute("INSERT INTO trades VALUES (205, 'rolled back')")


LOST: dict[str, set[tuple[str, ...]]] = {
    "postgres.public.trades": {
        ("7", "changed"),
        ("201", "began before the fork"),
        ("202", 'a "quoted"\nline'),
        ("203", "outer"),
        ("204", "in a savepoint"),
    },
    "postgres.public.elsewhere": {("began before the fork",)},
    'postgres.Odd "one.a,b': {("odd",)},
    "other.public.far": {("away",)},
}


async def test_what_is_lost_and_nothing_else_is_salvaged(pair: Pair, tmp_path: Path) -> None:
    await pair.start()
    fork, commits = await lose(pair)
    into = tmp_path / "salvage"

    manifest = await pair.writer.control.salvage(3, fork, 1, str(into), 0, T)

    assert manifest["notes"] == []
    assert manifest["diverged"] is True
    assert manifest["commits"] == commits
    assert 0 < manifest["bytes"] < 1 << 20
    assert manifest["end"] - manifest["bytes"] == manifest["fork"] == fork
    assert rows_of(manifest, into) == LOST
    check_files(manifest, into)
    assert len((into / "commits.csv").read_text().splitlines()) == commits + 1
    assert manifest["first_commit"] <= manifest["last_commit"]
    changes = {relation["name"]: relation["changes"] for relation in manifest["relations"]}
    assert changes["trades"]["INSERT"] >= 5, "that of before the fork counts"
    assert changes["trades"]["DELETE"] == 1
    found = await pair.writer.control.inspect(T)
    assert isinstance(found, PgControl)
    assert found.standby_signal, "the pin stood all the time"
    assert not (pair.writer.home / "data.qx-view").exists()

    await pair.writer.control.rewind(3, conninfo(pair.standby.node, AT_WRITER), T)
    await joins(pair)


async def test_what_began_before_the_last_checkpoint_is_found_in_every_table(pair: Pair, tmp_path: Path) -> None:
    """The WAL that is left cannot tell what it wrote."""
    await pair.start()
    pair.writer.sql("CREATE TABLE trades (what text)")
    with psycopg.connect(pair.writer.node.url) as early:
        early.execute("INSERT INTO trades VALUES ('early')")
        pair.writer.sql("CHECKPOINT")
        await pair.cut()
        early.commit()
    await pair.writer.control.stop(2, "kill", T)
    fork = await pair.promote()
    manifest = await pair.writer.control.salvage(3, fork, 1, str(tmp_path / "salvage"), 0, T)
    assert manifest["commits"] == 1
    assert rows_of(manifest, tmp_path / "salvage") == {"postgres.public.trades": {("early",)}}


async def test_without_pg_waldump_rows_are_judged_by_transaction_id(pair: Pair, tmp_path: Path) -> None:
    """Which misses what began before the fork, and says that nothing was counted."""
    await pair.start()
    fork, _ = await lose(pair)
    [(fork_xid,)] = pair.standby.sql("SELECT next_xid::text::int FROM (SELECT split_part(next_xid, ':', 2) AS next_xid"
                                     " FROM pg_control_checkpoint()) c")
    watch_argvs(pair.writer)
    (Path(pair.writer.settings.bin_dir) / "pg_waldump").unlink()
    into = tmp_path / "salvage"
    manifest = await pair.writer.control.salvage(3, fork, 1, str(into), fork_xid, T)
    assert "pg_waldump is not installed" in manifest["notes"][0]
    assert (manifest["commits"], manifest["bytes"], manifest["diverged"]) == (None, None, True)
    expected = dict(LOST)
    del expected["postgres.public.elsewhere"]
    expected["postgres.public.trades"] = LOST["postgres.public.trades"] - {("201", "began before the fork")}
    assert rows_of(manifest, into) == expected
    check_files(manifest, into)


async def test_a_node_that_did_not_diverge_is_left_so(pair: Pair, tmp_path: Path) -> None:
    await pair.start()
    pair.writer.sql("CREATE TABLE trades AS SELECT 1 AS id")
    await pair.writer.control.pin(2, "", T)
    await pair.writer.control.stop(2, "clean", T)
    before = await pair.writer.control.inspect(T)
    await pair.standby.control.stop(1, "clean", T)
    fork = await pair.promote()
    manifest = await pair.writer.control.salvage(3, fork, 1, str(tmp_path / "salvage"), 0, T)
    assert (manifest["diverged"], manifest["commits"], manifest["bytes"]) == (False, 0, 0)
    assert manifest["tables"] == []
    after = await pair.writer.control.inspect(T)
    assert isinstance(before, PgControl)
    assert isinstance(after, PgControl)
    assert (after.state, after.checkpoint) == (before.state, before.checkpoint)
    await joins(pair)


async def test_salvage_wants_a_stopped_server(pair: Pair, tmp_path: Path) -> None:
    await pair.writer.control.start(1, "writer", T)
    await refused("QX-NODE-006", pair.writer.control.salvage(1, 1, 1, str(tmp_path / "salvage"), 0, T))


# -- Redis


@pytest.fixture
def redis_node(sites: Sites, redis_program: str) -> RedisSite:
    return sites.redis(redis_program)


async def test_redis_files_are_salvaged(redis_node: RedisSite, tmp_path: Path) -> None:
    control = redis_node.control
    await control.start(1, "writer", T)
    redis_node.ask("SET", "kept", "5")
    redis_node.ask("SAVE")
    running = await control.salvage(1, 0, 0, str(tmp_path / "running"), 0, T)
    assert [entry["path"] for entry in running["files"]] == ["dump.rdb"]
    await control.stop(1, "clean", T)
    stopped = await control.salvage(1, 0, 0, str(tmp_path / "stopped"), 0, T)
    assert "appendonlydir/appendonly.aof.manifest" in {entry["path"] for entry in stopped["files"]}
    check_files(stopped, tmp_path / "stopped")


async def test_a_redis_clone_drops_its_data(redis_node: RedisSite, sites: Sites, redis_program: str) -> None:
    upstream = sites.redis(redis_program)
    await upstream.control.start(1, "writer", T)
    upstream.ask("SET", "kept", "new")
    control = redis_node.control
    await control.start(1, "writer", T)
    redis_node.ask("SET", "kept", "old")
    await refused("QX-NODE-006", control.clone(1, upstream.node.address, "", T))
    await control.stop(1, "kill", T)
    assert (await control.clone(1, upstream.node.address, "", T))["dropped"]
    assert (await control.inspect(T)).replicaof == upstream.node.address  # type: ignore[union-attr]
    await control.start(1, "replica", T)
    wait_until(lambda: redis_node.ask("GET", "kept") == "new", "it has its upstream's data")
    await refused("QX-NODE-006", control.rewind(1, upstream.node.address, T))


async def test_a_pin_that_the_running_server_rewrote_stands_again_when_it_is_stopped(redis_node: RedisSite) -> None:
    control = redis_node.control
    await control.start(1, "writer", T)
    await control.pin(1, "127.0.0.1:1", T)
    redis_node.ask("CONFIG", "REWRITE")
    assert (await control.inspect(T)).replicaof == ""  # type: ignore[union-attr]
    stopped = await control.stop(1, "clean", T)
    assert stopped.replicaof == "127.0.0.1:1"  # type: ignore[union-attr]
    await refused("QX-NODE-006", control.start(1, "writer", T))


async def test_a_pin_of_an_earlier_run_does_not_come_back(redis_node: RedisSite) -> None:
    """Handed over and back, it is the rightful master: a stop of a later run leaves it one."""
    control = redis_node.control
    await control.start(1, "writer", T)
    await control.pin(1, "127.0.0.1:1", T)
    redis_node.ask("CONFIG", "REWRITE")
    stopped = await control.stop(2, "clean", T)
    assert stopped.replicaof == ""  # type: ignore[union-attr]


async def test_a_redis_that_persists_nothing_is_asked_to_save(sites: Sites, redis_program: str) -> None:
    site = sites.redis(redis_program, appendonly="no", save='""', requirepass='"a b"')
    await site.control.start(1, "writer", T)
    site.node.password = "a b"
    site.ask("SET", "kept", "7")
    await site.control.stop(1, "clean", T)
    await site.control.start(1, "writer", T)
    assert site.ask("GET", "kept") == "7"


async def test_what_else_stands_in_the_configuration_file_stays(redis_node: RedisSite) -> None:
    file = redis_node.node.config
    file.write_text("# by hand\n" + file.read_text() + '  slaveof  old 1\nrename-command FLUSHALL ""\n')
    file.chmod(0o640)
    before = [line for line in file.read_text().splitlines() if "slaveof" not in line]
    await redis_node.control.pin(1, "127.0.0.1:7", T)
    assert file.read_text().splitlines() == [*before, "replicaof 127.0.0.1 7"]
    assert file.stat().st_mode & 0o777 == 0o640
    await redis_node.control.unpin(1, T)
    assert file.read_text().splitlines() == before
