"""The contract of NodeControl where data are kept: all that a PostgreSQL node holds beyond the fork, and only that."""

from __future__ import annotations

import csv
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from qx.model.control import PgControl
from tests.fixtures_nodes import (
    AT_WRITER,
    Pair,
    PgSite,
    Sites,
    T,
    check_files,
    conninfo,
    refused,
    streams,
    wrap_programs,
)
from tests.fixtures_servers import pg_installs

pytestmark = pytest.mark.integration


def rows_of(manifest: dict[str, Any], into: Path) -> dict[str, set[tuple[str, ...]]]:
    found = {}
    for table in manifest["tables"]:
        with (into / table["file"]).open(newline="") as file:
            rows = [tuple(row) for row in csv.reader(file)][1:]
        assert len(rows) == table["rows"]
        found[f"{table['database']}.{table['schema']}.{table['name']}"] = set(rows)
    return found


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
    await pair.joins()


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
    wrap_programs(pair.writer)
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
    await pair.joins()


async def test_salvage_wants_a_stopped_server(pair: Pair, tmp_path: Path) -> None:
    await pair.writer.control.start(1, "writer", T)
    await refused("QX-NODE-006", pair.writer.control.salvage(1, 1, 1, str(tmp_path / "salvage"), 0, T))


# -- a server of another account


@pytest.fixture
def account() -> Iterator[tuple[pwd.struct_passwd, Path]]:
    """An unprivileged account, and a directory that it can reach."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a server under another account")
    if not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed")
    with tempfile.TemporaryDirectory(prefix="qx-account-") as place:
        Path(place).chmod(0o755)
        yield pwd.getpwnam("nobody"), Path(place)


def moved(site: PgSite, account: pwd.struct_passwd, place: Path) -> None:
    """The site's data under that account, in that place; its control runs as root all the same."""
    home = place / site.home.name
    shutil.move(site.home, home)
    for path in (home, *home.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    site.home = site.node.home = home
    prefix = ("setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups")
    site.settings = msgspec.structs.replace(
        site.settings, data_dir=str(home / "data"), log_file=str(home / "log"), run_as=prefix
    )


async def test_as_root_a_server_of_another_account(
    sites: Sites, account: tuple[pwd.struct_passwd, Path], tmp_path: Path
) -> None:
    """Everything that is written for it belongs to it, whoever wrote it."""
    installed = [major for major, path in pg_installs().items() if path.is_relative_to("/usr")]
    if not installed:
        pytest.skip("no PostgreSQL is installed where every account can run it")
    pair = Pair(sites.postgres(installed[0]), sites.postgres(installed[0]))
    moved(pair.writer, *account)
    moved(pair.standby, *account)
    await pair.start()
    fork, commits = await lose(pair)
    manifest = await pair.writer.control.salvage(3, fork, 1, str(tmp_path / "salvage"), 0, T)
    assert (manifest["commits"], manifest["notes"]) == (commits, [])
    assert rows_of(manifest, tmp_path / "salvage") == LOST
    await pair.writer.control.rewind(3, conninfo(pair.standby.node, AT_WRITER), T)
    await pair.joins()
    await pair.writer.control.stop(3, "kill", T)
    await pair.writer.control.clone(3, conninfo(pair.standby.node, AT_WRITER), "back", T)
    await pair.writer.control.start(3, "replica", T)
    streams(pair.standby.node, AT_WRITER)
    strangers = [path for path in pair.writer.data.rglob("*") if path.lstat().st_uid != account[0].pw_uid]
    assert strangers == []
