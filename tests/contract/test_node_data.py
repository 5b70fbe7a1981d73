"""The contract of NodeControl where data are replaced: rewind and clone, on real servers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import psycopg
import pytest

from qx.adapters.node import keepsakes, pgdata
from qx.model.control import PgControl
from tests.fixtures_nodes import (
    AT_STANDBY,
    AT_WRITER,
    Pair,
    PgSite,
    Sites,
    T,
    conninfo,
    refused,
    streams,
    wrap_programs,
)
from tests.fixtures_servers import SUPERUSER, wait_until

pytestmark = pytest.mark.integration


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
    await pair.joins()
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
    await pair.joins()


async def test_a_rewind_that_is_repeated_leaves_the_copy_as_it_is(pair: Pair) -> None:
    """As by a run that was killed before it could write down that it was done."""
    await pair.start()
    await pair.diverge()
    for rewound in (True, False):
        told = await pair.writer.control.rewind(3, conninfo(pair.standby.node, AT_WRITER), T)
        assert told["rewound"] is rewound
    await pair.joins()


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
    await pair.joins()


def mark_incomplete(site: PgSite, verb: str) -> None:
    memory = Path(f"{site.data}.qx.json")
    memory.write_text(json.dumps(json.loads(memory.read_text()) | {"incomplete": verb}))
    pgdata.bar(site.data)


def interrupted(site: PgSite) -> None:
    mark_incomplete(site, "rewind")
    keepsakes.keep(site.data)
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
    await pair.joins()
    assert pair.writer.sql("SELECT count(*) FROM trades") == [(100,)]


async def test_a_clone_that_was_interrupted_is_begun_anew(pair: Pair) -> None:
    """As if qx had died while the copy took the place of the old data."""
    await pair.start()
    await pair.diverge()
    mark_incomplete(pair.writer, "clone")
    (pair.writer.data / "qx-clone").mkdir()
    (pair.writer.data / "PG_VERSION").rename(pair.writer.data / "qx-clone" / "PG_VERSION")
    shutil.rmtree(pair.writer.data / "base")
    await refused("QX-NODE-006", pair.writer.control.start(2, "replica", T))
    await pair.writer.control.clone(3, conninfo(pair.standby.node, AT_WRITER), "", T)
    await pair.joins()


async def test_a_clone_keeps_the_wal_where_it_was(pair: Pair) -> None:
    elsewhere = pair.writer.home / "wal"
    shutil.move(pair.writer.data / "pg_wal", elsewhere)
    (pair.writer.data / "pg_wal").symlink_to(elsewhere)
    await pair.start()
    await pair.diverge()
    await pair.writer.control.clone(3, conninfo(pair.standby.node, AT_WRITER), "", T)
    assert (pair.writer.data / "pg_wal").readlink() == elsewhere
    assert not (elsewhere / "qx-clone").exists()
    await pair.joins()


async def test_a_missing_data_directory_is_cloned(pair: Pair) -> None:
    await pair.start()
    await pair.diverge()
    settings = (pair.writer.data / "postgresql.conf").read_text()
    shutil.rmtree(pair.writer.data)
    found = await pair.writer.control.inspect(T)
    assert isinstance(found, PgControl)
    assert (found.running, found.state, found.system_id) == (False, "no data", "")
    await pair.writer.control.clone(3, conninfo(pair.standby.node, AT_WRITER), "", T)
    (pair.writer.data / "postgresql.conf").write_text(settings)
    await pair.joins()


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

    argvs = wrap_programs(pair.writer)
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
