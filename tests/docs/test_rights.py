"""The rights that the README grants are enough for all that qx asks of a server, and the example file is one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from qx.adapters.clock import SystemClock
from qx.adapters.postgres.server import PostgresServer
from qx.adapters.redis.server import RedisNode as RedisServer
from qx.config.load import load
from qx.model.observation import Marker, Observation, PgFacts, RedisFacts
from tests.docs.markdown import ROOT, text_of
from tests.fixtures_servers import PgPair, RedisPair, wait_until

README = text_of(ROOT / "README.md")
TIMEOUT = 20.0
PASSWORD = "..."  # as the README writes it
MARKER = Marker("store", 2, "us-east")


def sql_of_the_readme() -> Iterator[tuple[str, str]]:
    """Database and the statements that are run in it."""
    found = re.search(r"```sql\n(.*?)```", README, re.DOTALL)
    assert found
    first, *others = re.split(r"^\\connect (\w+)\n", found[1], flags=re.MULTILINE)
    yield "postgres", first
    yield from zip(others[::2], others[1::2], strict=True)


@pytest.mark.integration
async def test_the_roles_of_the_readme_may_do_what_qx_does(pg_pair: PgPair, pg_major: int) -> None:
    if pg_major < 15:
        pytest.skip("PostgreSQL 14 has neither pg_checkpoint nor GRANT ALTER SYSTEM: there qx is a superuser")
    writer, standby = pg_pair.writer, pg_pair.standby
    for database, statements in sql_of_the_readme():
        with psycopg.connect(writer.url, dbname=database, autocommit=True) as connection:
            for statement in re.sub(r"--.*", "", statements).split(";"):
                if statement.strip():
                    connection.execute(statement.encode())
    pg_pair.wait_replayed()
    urls = [node.url_for("qx").replace("/postgres", "/qx") for node in (writer, standby)]
    old, new = (
        PostgresServer("trading", "us-east", "here", url, lambda: PASSWORD, SystemClock(), "run/2") for url in urls
    )
    try:
        for server in (old, new):
            seen = await server.observe(TIMEOUT)
            assert isinstance(seen, Observation), seen
        await old.write_marker(MARKER, TIMEOUT)
        await old.write_probe(TIMEOUT)
        await old.checkpoint(TIMEOUT)
        await old.end_senders((1 << 22,), TIMEOUT)
        await old.expel(2, TIMEOUT)
        assert await new.create_slots(("qx_us_east",), TIMEOUT) == ("qx_us_east",)
        await new.drop_slots(("qx_us_east",), TIMEOUT)
        settings = {"wal_retrieve_retry_interval": "200ms", "primary_conninfo": "", "primary_slot_name": None}
        await new.alter_system(settings, TIMEOUT)
        assert await new.promote(TIMEOUT) == 2
        assert len(await new.history(2, TIMEOUT)) == 1
        await new.checkpoint(TIMEOUT)
        seen = await new.observe(TIMEOUT)
        assert isinstance(seen, Observation)
        assert isinstance(seen.facts, PgFacts)
        assert seen.facts.marker == MARKER
    finally:
        await old.close()
        await new.close()
    with psycopg.connect(standby.url_for("replicator"), password=PASSWORD) as rewinding:
        rewinding.execute("SELECT * FROM pg_ls_dir('.', true, false)")
        rewinding.execute("SELECT pg_stat_file('PG_VERSION', true), pg_read_binary_file('PG_VERSION')")
        rewinding.execute("SELECT pg_read_binary_file('PG_VERSION', 0, 2, true)")


@pytest.mark.integration
async def test_the_redis_user_of_the_readme_may_do_what_qx_does(redis_pair: RedisPair) -> None:
    found = re.search(r"^user (qx .*)$", README, re.MULTILINE)
    assert found
    for node in (redis_pair.master, redis_pair.replica):
        node.ask("ACL", "SETUSER", *found[1].split())
    urls = [f"redis://qx@{node.address}/0" for node in (redis_pair.master, redis_pair.replica)]
    old, new = (
        RedisServer("sessions", "us-east", "here", url, lambda: PASSWORD, SystemClock(), "run/2") for url in urls
    )
    try:
        await old.write_marker(MARKER, TIMEOUT)
        assert await old.settle_replicas(1, TIMEOUT) == 1
        await old.configure({"min-replicas-to-write": "0"}, TIMEOUT)
        await old.save(TIMEOUT)
        await old.expel(2, TIMEOUT)
        await new.configure({"replica-announce-ip": "127.0.0.1"}, TIMEOUT)
        await new.relink(TIMEOUT)
        wait_until(lambda: redis_pair.master.info().get("slave0", {}).get("state") == "online", "the link is up again")
        await old.handover(redis_pair.replica.address, TIMEOUT)
        await old.replicate(redis_pair.replica.address, TIMEOUT)
        for server in (old, new):
            await server.persist(TIMEOUT)
            seen = await server.observe(TIMEOUT)
            assert isinstance(seen, Observation), seen
            assert isinstance(seen.facts, RedisFacts)
            assert seen.facts.marker == MARKER
    finally:
        await old.close()
        await new.close()


def test_the_example_of_a_first_failover_is_a_configuration(tmp_path: Path) -> None:
    page = text_of(ROOT / "docs" / "how-to" / "first-failover.md")
    blocks = re.findall(r"```yaml\n(version: 1\n.*?)```", page, re.DOTALL)
    assert len(blocks) == 1
    path = tmp_path / "regions.yaml"
    path.write_text(blocks[0])
    assert list(load(path).clusters) == ["trading"]
