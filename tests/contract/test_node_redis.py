"""The contract of NodeControl where Redis is unlike PostgreSQL: its configuration file, its data files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fixtures_nodes import RedisSite, Sites, check_files, refused
from tests.fixtures_servers import wait_until

T = 30.0

pytestmark = pytest.mark.integration


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
