"""redis-*.conf on real servers, and redis/node.sh: who follows whom, after a restart too, and what never happens."""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from tests.deployment.conftest import REGIONS, ROOT, wait_until

if TYPE_CHECKING:
    from tests.deployment.conftest import Cache, Process

pytestmark = pytest.mark.integration

FOLDER = ROOT / "deployment/redis"
REPLICATED = ("us", "eu", "ap")
PASSWORD = 'pass\\wo"rd'
REPLICATION = 'repl \\i"cation'


def settings(region: str) -> dict[str, str]:
    lines = (FOLDER / f"redis-{region}.conf").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines if line and not line.startswith("#"))


@pytest.fixture
def start_bare(redis_server: str, make_cache: Callable[[], Cache]) -> Callable[[str], Cache]:
    """Starts a server with a region's file and nothing else but a place to stand."""

    def start(region: str) -> Cache:
        cache = make_cache()
        conf = FOLDER / f"redis-{region}.conf"
        cache.launch(
            [redis_server, str(conf), "--dir", str(cache.home), "--port", str(cache.port), "--bind", "127.0.0.1"]
        )
        return cache

    return start


@pytest.fixture
def start_node(redis_server: str, make_cache: Callable[[], Cache]) -> Callable[..., Cache]:
    """Starts (or starts again) a server through node.sh; does not wait."""

    def start(region: str, again: Cache | None = None, **env: str) -> Cache:
        cache = again or make_cache()
        peers = {"ADDRESS": cache.address, "REPLICATION_PASSWORD": REPLICATION} if env.get("PEERS") else {}
        cache.launch(
            ["bash", str(FOLDER / "node.sh")],
            {
                "REGION": REGIONS[region],
                "CONFIG": str(FOLDER / f"redis-{region}.conf"),
                "DATA_DIR": str(cache.home),
                "LISTEN": "127.0.0.1",
                "PORT": str(cache.port),
                "SERVER": redis_server,
                "CLI": shutil.which("valkey-cli") or shutil.which("redis-cli") or "valkey-cli",
                "REDIS_PASSWORD": PASSWORD,
                **peers,
                **env,
            },
        )
        return cache

    return start


@pytest.fixture
def command_line_client() -> None:
    if not (shutil.which("valkey-cli") or shutil.which("redis-cli")):
        pytest.skip("neither valkey-cli nor redis-cli is installed: node.sh cannot ask its peers")


def role(client: redis.Redis) -> dict[str, Any]:
    info: dict[str, Any] = client.info("replication")
    return info


def send(client: redis.Redis, *words: Any) -> Any:
    return client.execute_command(*words)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("region", REGIONS)
def test_server_accepts_the_file(start_bare: Callable[[str], Cache], region: str) -> None:
    client = start_bare(region).wait_ready()
    in_force = client.config_get("*")
    expected = {"maxmemory": str(512 << 20), "maxmemory-policy": "volatile-lru"}
    expected |= {"appendonly": "yes", "appendfsync": "everysec"}
    if region in REPLICATED:
        expected |= {"min-replicas-to-write": "1", "min-replicas-max-lag": "10", "repl-backlog-size": str(128 << 20)}
    else:
        expected |= {"min-replicas-to-write": "0"}
    assert in_force | expected == in_force


def test_the_servers_of_one_cluster_are_set_alike() -> None:
    assert settings("us") == settings("eu") == settings("ap")
    alone = settings("me")
    assert alone == settings("guyana") == settings("bahrain")
    assert alone.items() < settings("us").items()


@pytest.mark.parametrize("region", REGIONS)
def test_no_secret_stands_in_the_file(region: str) -> None:
    names = set(settings(region))
    assert not names & {"requirepass", "masterauth", "masteruser", "user", "aclfile", "include"}


def test_keys_that_do_not_expire_are_never_evicted(start_bare: Callable[[str], Cache]) -> None:
    client = start_bare("me").wait_ready()
    client.set("qx:marker", "epoch 7")
    client.config_set("maxmemory", client.info("memory")["used_memory"] + (2 << 20))
    for number in range(400):
        client.set(f"session:{number}", "x" * 10_000, ex=3600)
    assert client.info("stats")["evicted_keys"] > 0
    assert client.get("qx:marker") == "epoch 7"

    def fill() -> None:
        for number in range(400):
            client.set(f"kept:{number}", "x" * 10_000)

    with pytest.raises(redis.OutOfMemoryError):
        fill()


@pytest.mark.usefixtures("command_line_client")
def test_replicas_follow_and_roles_outlive_a_restart(start_node: Callable[..., Cache]) -> None:
    us = start_node("us", PEERS="127.0.0.1:1")
    writer = us.wait_ready(PASSWORD)
    with pytest.raises(redis.ResponseError, match="NOREPLICAS"):
        writer.set("session:1", "a")
    eu = start_node("eu", PEERS=us.address, UPSTREAM=us.address)
    standby = eu.wait_ready(PASSWORD)
    wait_until(lambda: role(standby)["master_link_status"] == "up", "eu follows us")
    wait_until(lambda: role(writer).get("slave0", {}).get("state") == "online", "us sees eu")
    seen = role(writer)["slave0"]
    assert (seen["ip"], seen["port"]) == ("127.0.0.1", eu.port)
    wait_until(lambda: role(writer)["min_slaves_good_slaves"] == 1, "us counts eu as good")
    writer.set("session:1", "a", ex=3600)
    wait_until(lambda: standby.get("session:1") == "a", "eu has it")

    send(writer, "FAILOVER", "TO", "127.0.0.1", eu.port, "TIMEOUT", "10000")
    wait_until(lambda: role(standby)["role"] == "master" and role(writer)["role"] == "slave", "the roles changed")
    wait_until(lambda: role(writer)["master_link_status"] == "up", "us follows eu, as the same user")
    for client in (writer, standby):
        client.config_rewrite()

    us.stop()
    start_node("us", again=us, PEERS=eu.address)
    writer = us.wait_ready(PASSWORD)
    wait_until(lambda: role(writer).get("master_link_status") == "up", "us still follows eu")
    us.stop()
    eu.stop()
    start_node("eu", again=eu, PEERS=us.address, UPSTREAM=us.address)
    standby = eu.wait_ready(PASSWORD)
    assert role(standby)["role"] == "master"
    assert standby.get("session:1") == "a"


def test_a_replicaof_written_while_the_server_is_stopped_is_followed(start_node: Callable[..., Cache]) -> None:
    us = start_node("me")
    assert role(us.wait_ready(PASSWORD))["role"] == "master"
    us.stop()
    with (us.home / "node.conf").open("a") as conf:
        conf.write("replicaof 127.0.0.1 1\n")
    start_node("me", again=us)
    followed = role(us.wait_ready(PASSWORD))
    assert (followed["role"], followed["master_host"], followed["master_port"]) == ("slave", "127.0.0.1", 1)


@pytest.mark.usefixtures("command_line_client")
def test_an_empty_writer_never_stands_before_replicas_with_data(start_node: Callable[..., Cache]) -> None:
    us = start_node("us", PEERS="127.0.0.1:1")
    us.wait_ready(PASSWORD)
    eu = start_node("eu", PEERS=us.address, UPSTREAM=us.address)
    standby = eu.wait_ready(PASSWORD)
    wait_until(lambda: role(standby)["master_link_status"] == "up", "eu follows us")
    writer = us.client(PASSWORD)
    wait_until(lambda: role(writer)["min_slaves_good_slaves"] == 1, "us counts eu as good")
    writer.set("session:1", "a", ex=3600)
    wait_until(lambda: standby.dbsize() == 1, "eu has it")
    us.stop()
    assert us.process is not None
    for leftover in us.home.iterdir():
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink()

    start_node("us", again=us, PEERS=eu.address)
    process: Process = us.process
    assert process.ended() == 1
    assert f"{eu.address} holds 1 keys as a replica" in process.log
    assert standby.get("session:1") == "a"

    standby.replicaof("NO", "ONE")
    start_node("us", again=us, PEERS=eu.address)
    returned = us.wait_ready(PASSWORD)
    wait_until(lambda: role(returned)["role"] == "slave" and returned.get("session:1") == "a", "us follows eu")


@pytest.mark.usefixtures("command_line_client")
def test_secrets_and_rights(start_node: Callable[..., Cache]) -> None:
    us = start_node("us", PEERS="127.0.0.1:1")
    client = us.wait_ready(PASSWORD)
    client.config_rewrite()
    assert us.process is not None
    conf = us.home / "node.conf"
    assert stat.S_IMODE(conf.stat().st_mode) == 0o600
    text = conf.read_text()
    assert PASSWORD not in text.replace('\\"', '"').replace("\\\\", "\\")
    assert "replicaof" not in re.sub("#.*", "", text)
    for secret in (PASSWORD, REPLICATION):
        assert secret not in us.process.log
        for told in ("cmdline", "environ"):
            assert secret.encode() not in Path(f"/proc/{us.process.popen.pid}/{told}").read_bytes()

    with pytest.raises(redis.AuthenticationError):
        us.client().ping()
    with pytest.raises(redis.AuthenticationError):
        us.client("wrong").ping()
    peer = us.client(REPLICATION, user="replicator")
    assert peer.ping()
    for command in (("GET", "session:1"), ("CONFIG", "GET", "*"), ("FLUSHALL",), ("REPLICAOF", "NO", "ONE")):
        with pytest.raises(redis.exceptions.NoPermissionError):
            send(peer, *command)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"REDIS_PASSWORD": "change-me-redis-us"}, "REDIS_PASSWORD still has the value of the example"),
        ({"REDIS_PASSWORD": ""}, "REDIS_PASSWORD is not set"),
        ({"PEERS": "127.0.0.1:1", "REPLICATION_PASSWORD": "a\nb"}, "REPLICATION_PASSWORD has a line break"),
    ],
)
def test_refuses_to_start(start_node: Callable[..., Cache], env: dict[str, str], said: str) -> None:
    cache = start_node("us", **env)
    assert cache.process is not None
    assert cache.process.ended() == 1
    assert said in cache.process.log
    assert not (cache.home / "node.conf").exists()
