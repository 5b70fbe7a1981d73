"""The PostgreSQL port on real servers: what is observed is true, what is asked for is done and seen to be done."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from qx.adapters.clock import SystemClock
from qx.adapters.postgres.server import PostgresServer
from qx.failover.skew import skew_of
from qx.kernel.errors import QxError, Unsure
from qx.model.observation import Marker, Observation, PgFacts, Silence
from tests.fixtures_servers import SLOT, PgNode, PgPair, Servers, freeze, frozen, wait_until

T = TypeVar("T")

TIMEOUT = 20.0
DEADLINE = 0.5
BOUND = 1.5  # by when a call with that deadline has returned, on a busy machine

pytestmark = pytest.mark.integration


def server_of(node: PgNode, tag: str = "", url: str = "", password: str = "") -> PostgresServer:
    return PostgresServer("trading", "us-east", "here", url or node.url, lambda: password, SystemClock(), tag)


@asynccontextmanager
async def at(node: PgNode, tag: str = "", url: str = "", password: str = "") -> AsyncIterator[PostgresServer]:
    server = server_of(node, tag, url, password)
    try:
        yield server
    finally:
        await server.close()


async def seen(server: PostgresServer) -> PgFacts:
    found = await server.observe(TIMEOUT)
    assert isinstance(found, Observation), found
    assert isinstance(found.facts, PgFacts)
    return found.facts


async def facts_of(node: PgNode, url: str = "") -> PgFacts:
    async with at(node, url=url) as server:
        return await seen(server)


# -- observe


async def test_a_writer(shared_pg_pair: PgPair, pg_major: int) -> None:
    writer, standby = shared_pg_pair.writer, shared_pg_pair.standby
    before = time.time()
    async with at(writer) as server:
        found = await server.observe(TIMEOUT)
    assert isinstance(found, Observation)
    assert (found.subject, found.region, found.observer) == ("trading", "us-east", "here")
    assert before <= found.at <= time.time()
    assert 0 < found.took_s < TIMEOUT
    facts = found.facts
    assert isinstance(facts, PgFacts)
    [(system_id, lsn)] = writer.sql(
        "SELECT system_identifier::text, (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint FROM pg_control_system()"
    )
    assert not facts.in_recovery
    assert facts.system_id == system_id
    assert facts.timeline == 1
    assert facts.version // 10000 == pg_major
    assert 0 < facts.position <= lsn
    assert facts.replayed == facts.position
    assert not facts.replay_paused
    assert facts.replay_age_s is None
    assert facts.receiver is None
    assert facts.upstream == ""
    assert facts.archiver is None
    [sender] = facts.senders
    assert (sender.name, sender.state, sender.sync_state) == (SLOT, "streaming", "async")
    assert sender.pid in [pid for (pid,) in writer.sql("SELECT pid FROM pg_stat_replication")]
    assert -1 < sender.reply_age_s < TIMEOUT
    [slot] = facts.slots
    assert (slot.name, slot.kind, slot.active, slot.wal_status) == (SLOT, "physical", True, "reserved")
    assert 0 < slot.restart <= facts.position
    assert facts.settings["wal_retrieve_retry_interval"] == "100"
    assert facts.settings["max_connections"] == "100"
    assert facts.started_age_s > 0
    assert facts.base_backups == 0
    assert standby.sql("SELECT pg_is_in_recovery()") == [(True,)]


async def test_a_standby(shared_pg_pair: PgPair) -> None:
    writer, standby = shared_pg_pair.writer, shared_pg_pair.standby
    writer.sql("CREATE TABLE IF NOT EXISTS filler AS SELECT generate_series(1, 1000)")
    shared_pg_pair.wait_replayed()
    at_writer, facts = await facts_of(writer), await facts_of(standby)
    assert facts.in_recovery
    assert facts.system_id == at_writer.system_id
    assert facts.timeline == 1
    assert at_writer.position <= facts.position
    assert facts.replayed <= facts.position
    assert facts.next_xid >= at_writer.next_xid
    assert facts.replay_age_s is not None
    assert facts.upstream == writer.address
    assert facts.receiver is not None
    assert (facts.receiver.status, facts.receiver.slot, facts.receiver.timeline) == ("streaming", SLOT, 1)
    assert (facts.receiver.host, facts.receiver.port) == ("127.0.0.1", writer.port)
    assert facts.receiver.latest_end >= at_writer.position
    assert 0 <= facts.receiver.message_age_s < 60
    assert facts.receiver.told_clock is not None
    assert abs(facts.receiver.told_clock - time.time()) < 60  # both run on one machine
    assert facts.senders == ()


async def test_it_tells_its_own_clock(shared_pg_pair: PgPair) -> None:
    """Servers of one machine have one clock."""
    for node in (shared_pg_pair.writer, shared_pg_pair.standby):
        async with at(node) as server:
            assert isinstance(await server.observe(TIMEOUT), Observation)  # connected
            found = await server.observe(TIMEOUT)
        skew = skew_of(found)
        assert isinstance(found, Observation)
        assert skew is not None
        assert abs(skew) <= found.took_s / 2 + 0.001


async def test_transactions_are_counted_on_both_sides(shared_pg_pair: PgPair) -> None:
    writer, standby = shared_pg_pair.writer, shared_pg_pair.standby
    writer.sql("CREATE TABLE IF NOT EXISTS counted (n int)")
    standby.sql("SELECT pg_wal_replay_pause()")
    try:
        before = await facts_of(writer)
        for n in range(7):
            writer.sql("INSERT INTO counted VALUES (%s)", n)
        after = await facts_of(writer)
        assert after.next_xid == before.next_xid + 7
        paused = await facts_of(standby)
        assert paused.replay_paused
        wait_until(lambda: standby.sql("SELECT pg_get_wal_replay_pause_state()") == [("paused",)], "replay is paused")
        assert (await facts_of(standby)).next_xid <= before.next_xid
    finally:
        standby.sql("SELECT pg_wal_replay_resume()")
    shared_pg_pair.wait_replayed()
    resumed = await facts_of(standby)
    assert not resumed.replay_paused
    assert resumed.next_xid >= after.next_xid


async def test_what_pg_monitor_may_see(shared_pg_pair: PgPair) -> None:
    writer = shared_pg_pair.writer
    writer.sql("DROP ROLE IF EXISTS watcher")
    writer.sql("CREATE ROLE watcher LOGIN IN ROLE pg_monitor")
    shared_pg_pair.wait_replayed()
    for node in (writer, shared_pg_pair.standby):
        mine, full = await facts_of(node, node.url_for("watcher")), await facts_of(node)
        assert mine.settings == full.settings
        assert mine.upstream == full.upstream
        assert [sender.state for sender in mine.senders] == [sender.state for sender in full.senders]
        assert (mine.receiver and mine.receiver.status) == (full.receiver and full.receiver.status)
        assert mine.timeline == full.timeline


async def test_a_role_without_rights_still_tells_role_and_position(shared_pg_pair: PgPair) -> None:
    writer, standby = shared_pg_pair.writer, shared_pg_pair.standby
    writer.sql("DROP ROLE IF EXISTS nobody_much")
    writer.sql("CREATE ROLE nobody_much LOGIN")
    shared_pg_pair.wait_replayed()
    facts = await facts_of(writer, writer.url_for("nobody_much"))
    assert not facts.in_recovery
    assert facts.timeline == 1
    assert [sender.state for sender in facts.senders] == [""]
    facts = await facts_of(standby, standby.url_for("nobody_much"))
    assert facts.in_recovery
    assert facts.position > 0
    assert facts.upstream == ""
    assert facts.receiver is not None
    assert facts.receiver.status == ""


async def test_an_open_transaction_and_a_prepared_one(servers: Servers, pg_major: int) -> None:
    node = servers.postgres(pg_major, max_prepared_transactions="2")
    node.start()
    node.sql("CREATE TABLE t (n int)")
    with node.connect() as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("PREPARE TRANSACTION 'left open'")
        connection.execute("BEGIN")
        connection.execute("SELECT pg_sleep(0.05)")
        facts = await facts_of(node)
        assert facts.prepared == 1
        assert 0.05 <= facts.longest_xact_s < TIMEOUT
        connection.execute("ROLLBACK")
        assert (await facts_of(node)).longest_xact_s == 0


async def test_a_failing_archiver(servers: Servers, pg_major: int) -> None:
    node = servers.postgres(pg_major, archive_mode="on", archive_command="false")
    node.start()
    node.sql("CREATE TABLE t (n int)")
    node.sql("SELECT pg_switch_wal()")
    wait_until(lambda: node.sql("SELECT true FROM pg_stat_archiver WHERE failed_count > 0"), "archiving has failed")
    archiver = (await facts_of(node)).archiver
    assert archiver is not None
    assert archiver.mode == "on"
    assert archiver.failed >= 1
    assert archiver.ready is not None
    assert archiver.ready >= 1
    assert archiver.last_failed_age_s is not None
    assert 0 <= archiver.last_failed_age_s < TIMEOUT
    node.sql("ALTER SYSTEM SET archive_command = 'true'")
    node.sql("SELECT pg_reload_conf()")
    node.sql("SELECT pg_switch_wal()")
    wait_until(lambda: node.sql("SELECT true FROM pg_stat_archiver WHERE archived_count > 0"), "archiving succeeds")
    archiver = (await facts_of(node)).archiver
    assert archiver is not None
    assert archiver.last_failed_age_s is None


async def test_a_standby_without_its_upstream_knows_its_position(pg_pair: PgPair) -> None:
    pg_pair.writer.sql("CREATE TABLE t AS SELECT generate_series(1, 1000)")
    pg_pair.wait_replayed()
    pg_pair.standby.stop()
    last = await facts_of(pg_pair.writer)
    pg_pair.writer.stop()
    pg_pair.standby.start()
    received_less = "SELECT coalesce(pg_last_wal_receive_lsn(), '0/0') < pg_last_wal_replay_lsn()"
    wait_until(lambda: pg_pair.standby.sql(received_less) == [(True,)], "it has replayed more than it has received")
    facts = await facts_of(pg_pair.standby)
    assert facts.position >= last.position
    assert facts.receiver is None
    assert facts.upstream == pg_pair.writer.address


async def test_timelines_are_those_followed_not_those_of_the_control_file(servers: Servers, pg_major: int) -> None:
    """Without a checkpoint after the promotion, and on the second standby also without a receiver."""
    pair = servers.pg_pair(pg_major, checkpoint_timeout="1h")
    second = servers.postgres(pg_major, checkpoint_timeout="1h")
    second.follow(pair.standby, slot="")
    second.start()
    wait_until(lambda: second.sql("SELECT true FROM pg_stat_wal_receiver WHERE status = 'streaming'"), "it streams")
    pair.writer.kill()
    async with at(pair.standby, tag="run/2") as server:
        assert await server.promote(TIMEOUT) == 2
        assert (await seen(server)).timeline == 2
        position = await server.write_probe(TIMEOUT)
    async with at(second) as server:
        await _until(lambda: server.replayed(TIMEOUT), lambda told: told[0] >= position)
        assert (await seen(server)).timeline == 2
        assert await server.replayed(TIMEOUT) >= (position, 2)
        pair.standby.kill()
        wait_until(lambda: not second.sql("SELECT true FROM pg_stat_wal_receiver"), "the receiver has ended")
        assert second.sql("SELECT timeline_id FROM pg_control_checkpoint()") == [(1,)]
        assert (await seen(server)).timeline == 2
        assert (await server.replayed(TIMEOUT))[1] == 2


async def test_a_restart_between_two_looks_is_no_silence(pg_pair: PgPair) -> None:
    async with at(pg_pair.writer) as server:
        before = await seen(server)
        pg_pair.writer.stop()
        pg_pair.writer.start()
        after = await seen(server)
        assert after.started_age_s < before.started_age_s + TIMEOUT
        pg_pair.writer.kill()
        gone = await server.observe(TIMEOUT)
        assert isinstance(gone, Silence)
        assert gone.reason == "refused"


async def test_looking_leaves_no_error_in_the_servers_log(servers: Servers, pg_major: int) -> None:
    node = servers.postgres(pg_major)
    node.start()
    await facts_of(node)
    assert node.process is not None
    assert "ERROR" not in node.process.words()


# -- silence


async def test_a_frozen_server_costs_the_deadline_and_no_more(pg_pair: PgPair) -> None:
    """Both on the open connection, and on a new one, which the frozen postmaster's backlog still takes."""
    async with at(pg_pair.writer) as server, at(pg_pair.writer) as fresh:
        await seen(server)
        with frozen(pg_pair.writer.process):
            for one in (server, fresh):
                began = time.monotonic()
                silence = await one.observe(DEADLINE)
                await one.close()
                assert time.monotonic() - began < BOUND
                assert isinstance(silence, Silence)
                assert silence.reason == "timeout"
        assert not (await seen(server)).in_recovery


async def test_an_act_that_got_no_answer_is_unsure(pg_pair: PgPair) -> None:
    async with at(pg_pair.writer, tag="run/1") as server:
        await server.write_probe(TIMEOUT)
        with frozen(pg_pair.writer.process):
            began = time.monotonic()
            with pytest.raises(Unsure) as caught:
                await server.write_probe(DEADLINE)
            assert time.monotonic() - began < BOUND
            assert caught.value.code == "QX-RUN-002"
        await server.write_probe(TIMEOUT)
        with frozen(pg_pair.writer.process):
            with pytest.raises(QxError) as told:
                await server.replayed(DEADLINE)
            assert told.value.code == "QX-NODE-001"


async def test_an_act_that_could_not_be_sent(servers: Servers, pg_major: int) -> None:
    async with at(servers.postgres(pg_major), tag="run/1") as server:
        with pytest.raises(QxError) as caught:
            await server.checkpoint(TIMEOUT)
        assert caught.value.code == "QX-NODE-001"
        assert not isinstance(caught.value, Unsure)


async def test_a_server_that_does_not_take_connections_yet(servers: Servers, pg_major: int) -> None:
    pair = servers.pg_pair(pg_major)
    pair.standby.stop()
    pair.standby.settings["hot_standby"] = "off"
    pair.standby.launch()
    async with at(pair.standby) as server:
        await _until(lambda: server.observe(TIMEOUT), lambda s: isinstance(s, Silence) and s.reason == "starting")
        with pytest.raises(QxError) as caught:
            await server.promote(TIMEOUT)
        assert caught.value.code == "QX-NODE-001"


async def test_credentials(servers: Servers, pg_major: int) -> None:
    node = servers.postgres(pg_major)
    node.start()
    node.sql("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'open sesame'")
    hba = "host all guarded 127.0.0.1/32 scram-sha-256\nhost all postgres 127.0.0.1/32 trust\n"
    (node.data / "pg_hba.conf").write_text(hba)
    node.sql("SELECT pg_reload_conf()")
    url = node.url_for("guarded")
    async with at(node, url=url, password="open sesame") as server:
        await _until(lambda: server.observe(TIMEOUT), lambda s: isinstance(s, Observation))
    refusals = {"a wrong secret": url, "": url, "any": node.url_for("stranger")}
    for password, where in refusals.items():
        async with at(node, url=where, password=password) as server:
            silence = await server.observe(TIMEOUT)
        assert isinstance(silence, Silence)
        assert silence.reason == "auth", silence
        assert "a wrong secret" not in silence.detail


def test_a_broken_url_does_not_tell_its_password() -> None:
    for url in ("postgresql://u:hush%zz@h/db", "postgresql://u:hush@a,b/db", "hush"):
        with pytest.raises(QxError) as caught:
            PostgresServer("trading", "us-east", "here", url, str, SystemClock())
        assert caught.value.code == "QX-CFG-004"
        assert "hush" not in str(caught.value)


# -- marker and probe


async def test_the_marker(pg_pair: PgPair) -> None:
    writer = pg_pair.writer
    async with at(writer, tag="run/5") as server:
        assert (await seen(server)).marker is None
        await server.write_marker(Marker("store-a", 5, "us-east"), TIMEOUT)
        assert (await seen(server)).marker == Marker("store-a", 5, "us-east")
        await server.write_marker(Marker("store-a", 6, "eu-west"), TIMEOUT)
        with pytest.raises(QxError) as caught:
            await server.write_marker(Marker("store-a", 5, "us-east"), TIMEOUT)
        assert caught.value.code == "QX-STORE-006"
        with pytest.raises(QxError) as caught:
            await server.write_marker(Marker("store-b", 7, "us-east"), TIMEOUT)
        assert caught.value.code == "QX-STORE-003"
        with pytest.raises(QxError) as caught:
            await server.write_marker(Marker("store-b", 5, "us-east"), TIMEOUT, force=True)
        assert caught.value.code == "QX-STORE-006"
        await server.write_marker(Marker("store-b", 7, 'ap "south" <east>'), TIMEOUT, force=True)
    pg_pair.wait_replayed()
    writer.sql("CREATE ROLE watcher LOGIN IN ROLE pg_monitor")
    writer.sql("CREATE ROLE nobody_much LOGIN")
    pg_pair.wait_replayed()
    for node in (writer, pg_pair.standby):
        marker = Marker("store-b", 7, 'ap "south" <east>')
        assert (await facts_of(node, node.url_for("watcher"))).marker == marker
        assert (await facts_of(node, node.url_for("nobody_much"))).marker is None
    async with at(pg_pair.standby, tag="run/8") as server:
        with pytest.raises(QxError) as caught:
            await server.write_marker(Marker("store-b", 8, "us-east"), TIMEOUT)
        assert caught.value.code == "QX-NODE-007"


async def test_a_probe_is_a_commit_with_a_position(pg_pair: PgPair) -> None:
    pg_pair.writer.sql("ALTER SYSTEM SET synchronous_commit = off")
    pg_pair.writer.sql("SELECT pg_reload_conf()")
    async with at(pg_pair.writer, tag="run/1") as server, at(pg_pair.standby, tag="run/1") as standby:
        first = await server.write_probe(TIMEOUT)
        second = await server.write_probe(TIMEOUT)
        assert second > first
        [(at_,)] = pg_pair.writer.sql("SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint")
        assert second <= at_
        await _until(lambda: standby.replayed(TIMEOUT), lambda told: told[0] >= second)
        assert pg_pair.standby.sql("SELECT count(*) FROM qx.probe") == [(1,)]
        with pytest.raises(QxError) as caught:
            await standby.write_probe(TIMEOUT)
        assert caught.value.code == "QX-NODE-007"
        assert "read-only" in caught.value.message


# -- acts


async def test_promote(pg_pair: PgPair) -> None:
    async with at(pg_pair.standby, tag="run/1") as server:
        assert await server.promote(TIMEOUT) == 2
        await server.write_probe(TIMEOUT)
        facts = await seen(server)
        assert not facts.in_recovery
        assert facts.timeline == 2
        assert facts.upstream == ""
        assert pg_pair.standby.sql("SELECT pg_is_in_recovery()") == [(False,)]
        with pytest.raises(QxError) as caught:
            await server.promote(TIMEOUT)
        assert caught.value.code == "QX-NODE-007"
        assert "recovery is not in progress" in caught.value.message


async def test_a_promotion_that_is_not_seen_to_end_is_unsure(pg_pair: PgPair) -> None:
    """The startup process is frozen: the request stands, and is not taken up."""
    assert pg_pair.standby.process is not None
    startup = next(pid for pid in pg_pair.standby.process.children() if "startup" in _title(pid))
    async with at(pg_pair.standby, tag="run/1") as server:
        await seen(server)
        freeze([startup])
        try:
            with pytest.raises(Unsure) as caught:
                await server.promote(DEADLINE)
            assert "still in recovery" in caught.value.message
        finally:
            os.kill(startup, signal.SIGCONT)
        await _until(lambda: seen(server), lambda facts: not facts.in_recovery)


async def test_a_writer_that_is_read_only_by_setting_is_told(servers: Servers, pg_major: int) -> None:
    pair = servers.pg_pair(pg_major)
    pair.standby.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    pair.standby.sql("SELECT pg_reload_conf()")
    async with at(pair.standby, tag="run/1") as server:
        with pytest.raises(QxError) as caught:
            await server.promote(TIMEOUT)
        assert caught.value.code == "QX-NODE-007"
        assert "timeline 2" in caught.value.message
        await server.alter_system({"default_transaction_read_only": None}, TIMEOUT)
        await server.write_probe(TIMEOUT)


async def test_settings_are_in_force_when_it_returns(pg_pair: PgPair) -> None:
    async with at(pg_pair.standby, tag="run/1") as server:
        for value in ("200ms", "3s", "150ms"):
            await server.alter_system({"wal_retrieve_retry_interval": value, "application_name": "it's"}, TIMEOUT)
            assert pg_pair.standby.sql("SHOW wal_retrieve_retry_interval") == [(value,)]
        await server.alter_system({"wal_retrieve_retry_interval": None}, TIMEOUT)
        assert pg_pair.standby.sql("SHOW wal_retrieve_retry_interval") == [("100ms",)]
        wrong = {"wal_retrieve_retry_interval": "soon", "no_such_setting": "1", "max_connections": "110"}
        for name, value in wrong.items():
            with pytest.raises(QxError) as caught:
                await server.alter_system({name: value}, TIMEOUT)
            assert caught.value.code == "QX-NODE-007"
        with pytest.raises(QxError) as caught:
            await server.alter_system({"port": str(pg_pair.standby.port)}, TIMEOUT)
        assert "command line" in caught.value.message


async def test_a_standby_follows_another_upstream_without_a_restart(servers: Servers, pg_major: int) -> None:
    pair = servers.pg_pair(pg_major)
    second = servers.postgres(pg_major)
    second.follow(pair.writer, slot="")
    second.start()
    async with at(pair.standby, tag="run/1") as target:
        assert await target.create_slots(("qx_second",), TIMEOUT) == ("qx_second",)
        await target.promote(TIMEOUT)
    async with at(second, tag="run/1") as server:
        conninfo = f"host=127.0.0.1 port={pair.standby.port} user=postgres password='it\\'s secret'"
        await server.alter_system({"primary_conninfo": conninfo, "primary_slot_name": "qx_second"}, TIMEOUT)

        def follows(found: Observation | Silence) -> bool:
            facts = found.facts if isinstance(found, Observation) else None
            receiver = facts.receiver if isinstance(facts, PgFacts) else None
            return receiver is not None and receiver.status == "streaming" and receiver.timeline == 2

        await _until(lambda: server.observe(TIMEOUT), follows)
        facts = await seen(server)
        assert facts.upstream == pair.standby.address
        assert facts.timeline == 2
        assert "secret" not in str(facts)


async def test_slots(pg_pair: PgPair) -> None:
    async with at(pg_pair.writer, tag="run/1") as server:
        assert await server.create_slots(("qx_a", SLOT, "qx_b"), TIMEOUT) == ("qx_a", "qx_b")
        assert await server.create_slots(("qx_a", "qx_c"), TIMEOUT) == ("qx_c",)
        assert {s.name for s in (await seen(server)).slots if s.restart > 0} == {"qx_a", "qx_b", "qx_c", SLOT}
        await server.drop_slots(("qx_a", "qx_c", "qx_never", SLOT), TIMEOUT)
        assert {slot.name for slot in (await seen(server)).slots} == {"qx_b", SLOT}
        with pytest.raises(QxError) as caught:
            await server.create_slots(("Not A Name",), TIMEOUT)
        assert caught.value.code == "QX-NODE-007"
    async with at(pg_pair.standby, tag="run/1") as server:
        assert await server.create_slots(("qx_here",), TIMEOUT) == ("qx_here",)


async def test_checkpoint(pg_pair: PgPair) -> None:
    before = pg_pair.writer.sql("SELECT checkpoint_lsn FROM pg_control_checkpoint()")
    async with at(pg_pair.writer, tag="run/1") as server:
        await server.write_probe(TIMEOUT)
        await server.checkpoint(TIMEOUT)
    assert pg_pair.writer.sql("SELECT checkpoint_lsn FROM pg_control_checkpoint()") != before


async def test_sessions_of_lower_epochs_are_expelled(pg_pair: PgPair) -> None:
    node = pg_pair.writer
    names = "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'qx/%%' ORDER BY 1"
    async with (
        at(node, "old/7") as old, at(node, "same/8") as same, at(node, "new/9") as new, at(node) as observer,
        at(node, "mine/8") as mine,
    ):  # fmt: skip
        for server in (old, same, new, mine):
            await server.write_probe(TIMEOUT)
        await seen(observer)
        assert [n for (n,) in node.sql(names)] == ["qx/mine/8", "qx/new/9", "qx/observe", "qx/old/7", "qx/same/8"]
        assert await mine.expel(8, TIMEOUT) == 1
        assert [n for (n,) in node.sql(names)] == ["qx/mine/8", "qx/new/9", "qx/observe", "qx/same/8"]
        assert await mine.expel(8, TIMEOUT) == 0
    with node.connect(application_name="qx/odd/99999999999999999999999") as odd, node.connect(application_name="qx/1"):
        async with at(node, "mine/8") as mine:
            assert await mine.expel(8, TIMEOUT) == 0
        odd.execute("SELECT 1")


async def test_an_expelled_session_in_the_middle_of_an_act_is_unsure(pg_pair: PgPair) -> None:
    """What a frozen executor finds when it wakes: its statement was under way, and it must not be repeated."""
    node = pg_pair.writer
    async with at(node, "old/7") as old, at(node, "new/8") as new:
        await old.write_probe(TIMEOUT)
        with node.connect() as blocker:
            blocker.execute("BEGIN")
            blocker.execute("LOCK qx.probe")
            act = asyncio.create_task(old.write_probe(TIMEOUT))
            waits = "SELECT true FROM pg_stat_activity WHERE application_name = 'qx/old/7' AND wait_event_type = 'Lock'"
            await asyncio.to_thread(wait_until, lambda: node.sql(waits), "the probe waits for the lock")
            assert await new.expel(8, TIMEOUT) == 1
            with pytest.raises(Unsure):
                await act
            blocker.execute("ROLLBACK")


async def test_a_session_that_was_ended_sends_no_act_before_it_has_looked(pg_pair: PgPair) -> None:
    """Looking connects anew, and whoever gives the password may forbid that."""
    node = pg_pair.writer
    async with at(node, "old/7") as old, at(node, "new/8") as new:
        await old.write_probe(TIMEOUT)
        assert await new.expel(8, TIMEOUT) == 1
        with pytest.raises(QxError) as caught:
            await old.checkpoint(TIMEOUT)
        assert caught.value.code == "QX-NODE-001"
        await seen(old)
        await old.checkpoint(TIMEOUT)


async def test_what_the_password_raises_passes(pg_pair: PgPair) -> None:
    def lost() -> str:
        raise QxError("QX-STORE-002", "the lease was lost")

    def missing() -> str:
        raise QxError("QX-SEC-001", "env:NAME is not set")

    for password, code, reason in ((lost, "QX-STORE-002", "protocol"), (missing, "QX-SEC-001", "secret")):
        server = PostgresServer("trading", "us-east", "here", pg_pair.writer.url, password, SystemClock(), "run/1")
        silence = await server.observe(TIMEOUT)
        assert isinstance(silence, Silence)
        assert silence.reason == reason
        with pytest.raises(QxError) as caught:
            await server.promote(TIMEOUT)
        assert caught.value.code == code


async def test_senders_are_ended(pg_pair: PgPair) -> None:
    async with at(pg_pair.writer, tag="run/1") as server:
        [sender] = (await seen(server)).senders
        await server.end_senders((sender.pid, os.getpid()), TIMEOUT)
        assert sender.pid not in [s.pid for s in (await seen(server)).senders]
        pg_pair.wait_streaming()


async def test_history(pg_pair: PgPair) -> None:
    async with at(pg_pair.standby, tag="run/1") as server:
        assert await server.history(1, TIMEOUT) == ()
        timeline = await server.promote(TIMEOUT)
        [(parent, fork)] = await server.history(timeline, TIMEOUT)
        facts = await seen(server)
        assert parent == 1
        assert 0 < fork <= facts.position
        with pytest.raises(QxError) as caught:
            await server.history(9, TIMEOUT)
        assert caught.value.code == "QX-NODE-007"


# -- how to wait


def _title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


async def _until(ask: Callable[[], Awaitable[T]], holds: Callable[[T], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds(told := await ask()):
        assert time.monotonic() < deadline, told
        await asyncio.sleep(0.01)
