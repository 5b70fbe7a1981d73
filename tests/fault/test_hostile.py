"""A client that does not want to leave: whatever it holds open at the old writer, it commits nothing past the fence."""

from __future__ import annotations

import signal
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import psycopg
import pytest
import redis

from qx.lab.ledger import stored
from qx.model.journal import Event, Outcome
from tests.fixtures_lab import SESSIONS, TRADING, Site, Way, ended, stands_still, wait

if TYPE_CHECKING:
    import subprocess

    from qx.lab.ledger import Ledger

pytestmark = [pytest.mark.fault, pytest.mark.integration]

FENCED = {TRADING: 15, SESSIONS: 15}  # the entry of the journal that is written with what says so
UNSET = "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; SET default_transaction_read_only = off"


def test_an_open_transaction_cannot_commit_after_the_fence(site: Site) -> None:
    way = site.way(TRADING)
    old = site.dsn(TRADING, way.source)
    with site.clients(TRADING, pinned=True) as ledger, ExitStack() as stack:
        with psycopg.connect(old, autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS hostile; CREATE TABLE hostile (who text)")
        plain, defiant, idle = (stack.enter_context(closing(psycopg.connect(old))) for _ in range(3))
        defiant.execute(UNSET)
        defiant.commit()
        idle.execute(UNSET)
        idle.commit()
        for connection, who in ((plain, "plain"), (defiant, "defiant")):
            connection.execute("INSERT INTO hostile VALUES (%s)", (who,))
        moving = _move_until_fenced(site, TRADING, way, "fence")
        for connection in (plain, defiant):
            with pytest.raises(psycopg.OperationalError):
                connection.commit()
        with pytest.raises(psycopg.OperationalError):
            idle.execute("INSERT INTO hostile VALUES ('idle')")
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(old)
        _go_on(site, TRADING, way, moving, ledger)
        with psycopg.connect(old, autocommit=True) as late, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            late.execute("INSERT INTO hostile VALUES ('late')")
        with psycopg.connect(site.dsn(TRADING, way.target)) as connection:
            assert connection.execute("SELECT who FROM hostile").fetchall() == []


def test_queued_commands_are_not_executed_after_the_handover(site: Site) -> None:
    way = site.way(SESSIONS)
    old = site.dsn(SESSIONS, way.source)
    with site.clients(SESSIONS, pinned=True) as ledger, ExitStack() as stack:
        options = {"single_connection_client": True, "socket_timeout": 5}
        queued, idle = (stack.enter_context(redis.Redis.from_url(old, **options)) for _ in range(2))
        idle.delete("hostile")
        queued.execute_command("MULTI")
        queued.execute_command("SADD", "hostile", "queued")
        moving = _move_until_fenced(site, SESSIONS, way, "handover")
        for client, words in ((queued, ("EXEC",)), (idle, ("SADD", "hostile", "idle"))):
            with pytest.raises(redis.RedisError):
                client.execute_command(*words)
        _go_on(site, SESSIONS, way, moving, ledger)
        with pytest.raises(redis.RedisError):
            idle.execute_command("SADD", "hostile", "late")
        with redis.Redis.from_url(site.dsn(SESSIONS, way.target)) as client:
            assert client.smembers("hostile") == set()


def _move_until_fenced(site: Site, cluster: str, way: Way, step: str) -> subprocess.Popen[str]:
    words = ("failover", "--to", way.target, "--cluster", cluster, "--yes")
    moving = site.start(*words, fault=f"pause:{FENCED[cluster]}:after")
    wait(lambda: stands_still(moving), "the move to stand still")
    told = site.entries(site.runs()[0].id)[-2]
    assert (told.step, told.event, told.outcome) == (f"{cluster}.{step}", Event.ENDED, Outcome.DONE)
    return moving


def _go_on(site: Site, cluster: str, way: Way, moving: subprocess.Popen[str], ledger: Ledger) -> None:
    """It ends well; also what the old writer acknowledged to a client that was pinned to it is at the new one."""
    moving.send_signal(signal.SIGCONT)
    said = ended(moving)
    assert said.document["outcome"] == "done", said
    site.serves(ledger, cluster, way.target)
    path = ledger.paths[f"{cluster}/{way.source}"]
    acknowledged = {ack.seq for ack in path.acks}
    assert acknowledged
    assert acknowledged <= stored(path.kind, site.dsn(cluster, way.target), path.name)
