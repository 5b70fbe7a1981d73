"""postgres/node.sh without Docker: it creates, clones, comes back in the role that the data have, refuses the rest."""

from __future__ import annotations

import shutil
import signal
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg import errors

from qx.adapters.clock import SystemClock
from qx.adapters.postgres.server import PostgresServer
from qx.model.observation import Marker, Observation, PgFacts
from tests.deployment.conftest import wait_until

if TYPE_CHECKING:
    from tests.deployment.conftest import Postgres, PostgresMaker

pytestmark = pytest.mark.integration

REPLICATION = "re:pl\\ica 'tion"
CONTROL = "con'trol"


def control(server: Postgres) -> psycopg.Connection[Any]:
    """As qx comes in: over TCP, not superuser, into its own database."""
    return server.connect("qx", CONTROL, "qx", autocommit=True)


def value(server: Postgres, query: str) -> Any:
    with control(server) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def streaming(writer: Postgres) -> list[str]:
    """The standbys that stream through the slot of their own name."""
    with control(writer) as connection:
        rows = connection.execute(
            """SELECT r.application_name FROM pg_stat_replication AS r
               JOIN pg_replication_slots AS s ON s.active_pid = r.pid AND s.slot_name = r.application_name
               WHERE r.state = 'streaming' AND s.wal_status = 'reserved' ORDER BY 1"""
        ).fetchall()
    return [name for (name,) in rows]


def streaming_pids(writer: Postgres) -> list[int]:
    with control(writer) as connection:
        return [pid for (pid,) in connection.execute("SELECT pid FROM pg_stat_replication").fetchall()]


def trade(server: Postgres, number: int) -> None:
    with server.connect("user_us", "password_us", "name_us") as connection:
        connection.execute(
            "INSERT INTO sox.trade_step (transaction_id, step, actor) VALUES (%s, 'initiate', 'ann')", (f"T{number}",)
        )


def trades(server: Postgres) -> int:
    with server.connect("user_us", "password_us", "name_us") as connection:
        row = connection.execute("SELECT count(*) FROM sox.trade_step").fetchone()
    return int(row[0]) if row else -1


def test_the_cluster_trading(make_any_postgres: PostgresMaker) -> None:
    """Three regions as the compose file has them, a failover by hand, and the home server's lost disk."""
    us = make_any_postgres("us-east", "writer", DATABASES="us eu ap", PEERS="127.0.0.1:1", TZ="America/New_York")
    eu = make_any_postgres("eu-west", "standby", PEERS=us.address, TZ="Europe/Dublin")
    ap = make_any_postgres("ap-southeast", "standby", PEERS=f"127.0.0.1:1 {us.address}")
    eu_process = eu.launch()  # before there is a writer: it waits
    us.start()
    wait_until(lambda: "started streaming WAL" in eu_process.log, "eu-west streams")
    ap.start()
    wait_until(lambda: streaming(us) == ["qx_ap_southeast", "qx_eu_west"], "both standbys stream")

    trade(us, 1)
    wait_until(lambda: trades(eu) == trades(ap) == 1, "the standbys have the trade")
    with pytest.raises(errors.ReadOnlySqlTransaction):
        trade(eu, 2)
    with eu.connect("user_eu", "password_eu", "name_eu") as connection:  # its own book, replicated with the cluster
        assert connection.execute("SELECT count(*) FROM gdpr.breach").fetchone() == (0,)
        assert connection.execute("SHOW timezone").fetchone() == ("Europe/Dublin",)
    assert value(eu, "SHOW cluster_name") == "eu-west"
    assert value(eu, "SHOW data_checksums") == "on"
    assert value(eu, "SELECT system_identifier FROM pg_control_system()") == value(
        us, "SELECT system_identifier FROM pg_control_system()"
    )

    # A standby comes back as a standby, without cloning again.
    eu.stop()
    eu.start()
    assert eu.log.count("cloning") == 1
    wait_until(lambda: len(streaming(us)) == 2, "eu-west streams again")

    # The write role moves: clean stop, drained, promoted; then the data decide, not BOOTSTRAP.
    us.stop()
    assert value(eu, "SELECT pg_promote()") is True
    trade(eu, 2)
    eu.stop()
    eu.start()
    assert value(eu, "SELECT pg_is_in_recovery()") is False
    assert trades(eu) == 2

    # The former writer would be a second one.
    process = us.launch(PEERS=f"{eu.address} {ap.address}")
    assert process.ended() == 1
    assert f"{eu.address} writes on timeline 2, this server stopped as a writer on 1" in process.log

    # The home server lost its disk. A peer writes: it becomes that peer's standby, not a second cluster.
    shutil.rmtree(us.data)
    us.start(PEERS=f"{eu.address} {ap.address}")
    wait_until(lambda: "qx_us_east" in streaming(eu), "us-east streams from eu-west")
    wait_until(lambda: trades(us) == 2, "us-east has both trades")

    # The same with no writer left: it refuses.
    us.stop()
    eu.stop()
    shutil.rmtree(us.data)
    process = us.launch(PEERS=f"{eu.address} {ap.address}")
    assert process.ended() == 1
    assert f"{ap.address} none says that it writes" in process.log
    assert not us.data.exists()


def test_one_region_alone(make_postgres: PostgresMaker) -> None:
    """guyana-book: no peers, no replication role, nobody may stream."""
    guyana = make_postgres(
        "guyana", "writer", DATABASES="guyana", PEERS="", REPLICATION_NETWORKS=""
    )
    guyana.start()
    assert value(guyana, "SELECT count(*) FROM pg_roles WHERE rolname = 'replicator'") == 0
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf"):
        guyana.connect("qx", CONTROL, "qx", replication="true")
    books = guyana.psql("postgres", "-c", "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1").stdout
    assert books.split() == ["name_guyana", "postgres", "qx"]


def test_who_may_come_in(make_postgres: PostgresMaker) -> None:
    us = make_postgres("us-east", "writer", DATABASES="us", PEERS="127.0.0.1:1")
    us.start()
    owner = us.psql("postgres", "-c", "SELECT current_user").stdout.strip()
    us.psql("postgres", "-c", f"ALTER ROLE \"{owner}\" PASSWORD 'known'")
    for user, password, database in (
        (owner, "known", "postgres"),
        ("replicator", REPLICATION, "name_us"),
        ("replicator", REPLICATION, "postgres"),
    ):
        with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf"):
            us.connect(user, password, database)
    for user, database in (("qx", "qx"), ("replicator", "qx"), ("user_us", "name_us")):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            us.connect(user, "wrong", database)
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        us.connect("qx", CONTROL, "name_us")
    kept = us.psql("postgres", "-c", "SELECT rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL").stdout.split()
    assert len(kept) == 4
    assert all(one.startswith("SCRAM-SHA-256$") for one in kept)

    with control(us) as connection:
        mighty = "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles WHERE rolname = 'qx'"
        assert connection.execute(mighty).fetchone() == (False,)
        connection.execute("CREATE TABLE marker (epoch bigint)")
        connection.execute("CHECKPOINT")
        connection.execute("ALTER SYSTEM SET primary_conninfo = 'host=nowhere'")
        connection.execute("SELECT pg_reload_conf(), pg_create_physical_replication_slot('qx_eu_west', true)")
        connection.execute("SELECT pg_drop_replication_slot('qx_eu_west')")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("ALTER SYSTEM SET archive_command = 'true'")
        with pytest.raises(errors.InsufficientPrivilege):
            connection.execute("SELECT pg_ls_dir('base', true, true)")


def test_an_old_writer_is_rewound_by_the_replication_role(make_postgres: PostgresMaker) -> None:
    us = make_postgres("us-east", "writer", DATABASES="us", PEERS="127.0.0.1:1")
    us.start()
    eu = make_postgres("eu-west", "standby", PEERS=us.address)
    eu.start()
    wait_until(lambda: len(streaming(us)) == 1, "eu-west streams")
    assert value(eu, "SELECT pg_promote()") is True
    trade(us, 1)  # a second writer: what it took is lost
    trade(eu, 2)
    with control(eu) as connection:
        connection.execute("CHECKPOINT")
        connection.execute("SELECT pg_create_physical_replication_slot('qx_us_east', true)")
    us.stop()
    us.program(
        "pg_rewind", "-D", str(us.data), "-R",
        f"--source-server=host=127.0.0.1 port={eu.port} user=replicator dbname=qx application_name=qx_us_east",
        PGPASSFILE=str(us.home / "pgpass"),
    )  # fmt: skip
    with (us.data / "postgresql.auto.conf").open("a") as conf:
        conf.write("primary_slot_name = 'qx_us_east'\n")
    us.start()
    wait_until(lambda: streaming(eu) == ["qx_us_east"], "us-east streams from eu-west")
    assert value(us, "SHOW cluster_name") == "us-east"  # its own settings again, not those of the source
    assert trades(us) == 1


def test_no_password_is_left_anywhere(make_postgres: PostgresMaker) -> None:
    us = make_postgres("us-east", "writer", DATABASES="us", PEERS="127.0.0.1:1")
    us.start()
    eu = make_postgres("eu-west", "standby", PEERS=us.address)
    eu.start()
    wait_until(lambda: len(streaming(us)) == 1, "eu-west streams")
    secrets = [secret.encode() for secret in (REPLICATION, REPLICATION.replace(":", r"\:"), CONTROL, "password_us")]
    for server in (us, eu):
        assert server.process is not None
        places = [*(path for path in server.data.rglob("*") if path.is_file()), server.home / "log"]
        places += [Path(f"/proc/{server.process.popen.pid}/{told}") for told in ("cmdline", "environ")]
        for place in places:
            try:
                content = place.read_bytes()
            except FileNotFoundError:  # a temporary file of the running server
                continue
            assert not [secret for secret in secrets if secret in content], place
        assert (server.home / "pgpass").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"BOOTSTRAP": "standby", "PEERS": "127.0.0.1:1", "BOOTSTRAP_TIMEOUT": "1"}, "no writer among 127.0.0.1:1"),
        ({"BOOTSTRAP": "standby", "PEERS": "", "BOOTSTRAP_TIMEOUT": "0"}, "no writer among no peers within 0 s"),
        ({"BOOTSTRAP": "both"}, "BOOTSTRAP is 'both': writer or standby"),
        ({"DATABASES": ""}, "DATABASES is empty"),
        ({"DATABASES": "us", "CONTROL_PASSWORD": "change-me-qx"}, "CONTROL_PASSWORD still has the value"),
        ({"PEERS": "127.0.0.1:1", "REPLICATION_PASSWORD": ""}, "REPLICATION_PASSWORD is not set"),
        ({"DATABASES": "us", "DB_PASSWORD_US": "change-me-db-us"}, "DB_PASSWORD_US still has the value"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_refuses_and_leaves_nothing(make_postgres: PostgresMaker, env: dict[str, str], said: str) -> None:
    server = make_postgres("us-east", "writer")
    process = server.launch(**env)
    assert process.ended() == 1
    assert said in process.log
    assert not server.data.exists()
    assert not (server.home / f".s.PGSQL.{server.port}").exists(), "the temporary server is still there"


def test_a_wait_ends_at_once_when_told_to(make_postgres: PostgresMaker) -> None:
    eu = make_postgres("eu-west", "standby", PEERS="127.0.0.1:1")
    process = eu.launch()
    wait_until((eu.home / "pgpass").exists, "it waits for a writer")
    process.popen.send_signal(signal.SIGINT)
    assert process.ended() == 130
    assert not eu.data.exists()


def test_a_half_made_data_directory_is_not_started(make_postgres: PostgresMaker) -> None:
    us = make_postgres("us-east", "writer", DATABASES="us")
    us.data.mkdir()
    process = us.launch()
    assert process.ended() == 1
    assert "exists, but is no data directory" in process.log
    us.data.rmdir()
    (us.home / "data.new").mkdir()  # what an interrupted bootstrap leaves: it begins again
    us.start()
    assert trades(us) == 0


async def test_the_role_qx_can_do_what_qx_does(make_postgres: PostgresMaker) -> None:
    """qx's own adapter against a writer and a standby as the stack makes them; a standby follows whom qx names."""
    us = make_postgres("us-east", "writer", DATABASES="us", PEERS="127.0.0.1:1")
    us.start()
    eu = make_postgres("eu-west", "standby", PEERS=us.address)
    eu.start()
    wait_until(lambda: streaming(us) == ["qx_eu_west"], "eu-west streams")
    clock = SystemClock()

    def as_qx(server: Postgres, epoch: int) -> PostgresServer:
        url = f"postgresql://qx@127.0.0.1:{server.port}/qx"
        return PostgresServer("trading", server.name, "test", url, lambda: CONTROL, clock, f"run/{epoch}")

    async with AsyncExitStack() as stack:
        writer, standby, older = as_qx(us, 2), as_qx(eu, 2), as_qx(us, 1)
        for one in (writer, standby, older):
            stack.push_async_callback(one.close)
        await older.replayed(10)
        assert await writer.expel(2, 10) == 1
        await writer.write_marker(Marker("store", 2, "us-east"), 10)
        position = await writer.write_probe(10)
        await writer.checkpoint(10)
        assert await writer.create_slots(("qx_ap_southeast",), 10) == ("qx_ap_southeast",)
        await writer.drop_slots(("qx_ap_southeast",), 10)
        await writer.end_senders(tuple(streaming_pids(us)), 10)
        wait_until(lambda: streaming(us) == ["qx_eu_west"], "eu-west comes back by itself")
        await writer.alter_system({"wal_retrieve_retry_interval": "100ms", "primary_conninfo": None}, 10)

        seen = await writer.observe(10)
        assert isinstance(seen, Observation)
        assert isinstance(seen.facts, PgFacts)
        assert [(sender.name, sender.state) for sender in seen.facts.senders] == [("qx_eu_west", "streaming")]
        assert seen.facts.marker == Marker("store", 2, "us-east")
        assert seen.facts.position >= position

        await standby.alter_system({"primary_conninfo": ""}, 10)
        wait_until(lambda: streaming(us) == [], "eu-west was cut off")
        upstream = f"host=127.0.0.1 port={us.port} user=replicator application_name=qx_eu_west connect_timeout=5"
        await standby.alter_system({"primary_conninfo": upstream, "primary_slot_name": "qx_eu_west"}, 10)
        wait_until(lambda: streaming(us) == ["qx_eu_west"], "eu-west streams again, with its own password file")
        seen = await standby.observe(10)
        assert isinstance(seen, Observation)
        assert isinstance(seen.facts, PgFacts)
        assert seen.facts.upstream == us.address
        us.stop()
        assert await standby.promote(10) == 2
        assert [timeline for timeline, _ in await standby.history(2, 10)] == [1]
