"""The Redis port on real servers, Redis and Valkey: what is observed is true, what is asked for is done and seen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from qx.adapters.clock import SystemClock
from qx.adapters.redis.sentinel import ask_sentinels
from qx.adapters.redis.server import RedisNode as Server
from qx.failover.skew import skew_of
from qx.kernel.errors import QxError, Unsure
from qx.model.observation import Marker, Observation, RedisFacts, Silence
from tests.fixtures_servers import RedisNode, RedisPair, Servers, free_port, frozen, wait_until

TIMEOUT = 20.0
DEADLINE = 0.5
BOUND = 1.5  # by when a call with that deadline has returned, on a busy machine

pytestmark = pytest.mark.integration


@asynccontextmanager
async def at(
    node: RedisNode, tag: str = "", url: str = "", password: str = "", *, watched: bool = False
) -> AsyncIterator[Server]:
    server = Server(
        "sessions", "us-east", "here", url or node.url, lambda: password, SystemClock(), tag, watched=watched
    )
    try:
        yield server
    finally:
        await server.close()


async def seen(server: Server) -> RedisFacts:
    found = await server.observe(TIMEOUT)
    assert isinstance(found, Observation), found
    assert isinstance(found.facts, RedisFacts)
    return found.facts


async def facts_of(node: RedisNode) -> RedisFacts:
    async with at(node) as server:
        return await seen(server)


async def become(what: str, condition: Callable[[], object]) -> None:
    await asyncio.to_thread(wait_until, condition, what)


# -- observe


async def test_a_master(shared_redis_pair: RedisPair, redis_program: str) -> None:
    master, replica = shared_redis_pair.master, shared_redis_pair.replica
    async with at(master) as server:
        found = await server.observe(TIMEOUT)
    assert isinstance(found, Observation)
    assert (found.subject, found.region, found.observer) == ("sessions", "us-east", "here")
    assert 0 < found.took_s < TIMEOUT
    facts = found.facts
    assert isinstance(facts, RedisFacts)
    info = master.info()
    assert facts.role == "master"
    assert facts.flavour == redis_program
    assert facts.version == info["valkey_version" if redis_program == "valkey" else "redis_version"]
    assert facts.mode == "standalone"
    assert (facts.run_id, facts.replid) == (info["run_id"], info["master_replid"])
    assert (facts.second_offset, facts.replid2) == (-1, "0" * 40)
    assert 0 <= facts.offset <= info["master_repl_offset"]
    assert (facts.link_up, facts.link_down_s, facts.sync_in_progress, facts.upstream) == (True, 0, False, "")
    [known] = facts.replicas
    assert (known.address, known.state) == (replica.address, "online")
    assert 0 <= known.ack_age_s < 60
    assert facts.failover_state == "no-failover"
    assert facts.memory_used > 0
    assert facts.memory_max == 0
    assert facts.backlog_size == 4 << 20
    assert facts.persistence == ()
    assert facts.config_file == str(master.config)
    assert (facts.min_replicas, facts.loading, facts.priority, facts.announce) == (0, False, 100, "")


async def test_a_replica(shared_redis_pair: RedisPair) -> None:
    master, replica = shared_redis_pair.master, shared_redis_pair.replica
    master.ask("SET", "some", "thing")
    assert (await facts_of(master)).offset > 0
    await become("replicated", lambda: replica.ask("GET", "some") == "thing")
    above, facts = await facts_of(master), await facts_of(replica)
    assert facts.role == "replica"
    assert facts.replid == above.replid
    assert 0 < facts.offset <= above.offset
    assert (facts.link_up, facts.link_down_s) == (True, 0)
    assert facts.upstream == master.address
    assert facts.replicas == ()


async def test_it_tells_its_own_clock(shared_redis_pair: RedisPair) -> None:
    for node in (shared_redis_pair.master, shared_redis_pair.replica):
        async with at(node) as server:
            assert isinstance(await server.observe(TIMEOUT), Observation)  # connected
            found = await server.observe(TIMEOUT)
        skew = skew_of(found)
        assert isinstance(found, Observation)
        assert skew is not None
        assert abs(skew) <= found.took_s / 2 + 0.2  # what it tells is as old as its last turn


async def test_settings_that_matter(servers: Servers, redis_program: str) -> None:
    node = servers.redis(
        redis_program, min_replicas_to_write="2", replica_priority="7", replica_announce_ip="10.1.2.3",
        replica_announce_port="7000", appendonly="yes", save="3600 1", maxmemory="64mb",
    )  # fmt: skip
    node.start()
    facts = await facts_of(node)
    assert (facts.min_replicas, facts.priority, facts.announce) == (2, 7, "10.1.2.3:7000")
    assert facts.persistence == ("aof", "rdb")
    assert facts.memory_max == 64 << 20
    async with at(node, watched=True) as server:
        assert (await seen(server)).mode == "sentinel"


async def test_a_replica_without_its_master(redis_pair: RedisPair) -> None:
    redis_pair.master.kill()
    await become("its link is down", lambda: redis_pair.replica.info()["master_link_status"] == "down")
    await become("for a second", lambda: redis_pair.replica.info()["master_link_down_since_seconds"] >= 1)
    facts = await facts_of(redis_pair.replica)
    assert facts.role == "replica"
    assert not facts.link_up
    assert facts.link_down_s >= 1
    assert facts.upstream == redis_pair.master.address
    async with at(redis_pair.master) as server:
        silence = await server.observe(TIMEOUT)
    assert isinstance(silence, Silence)
    assert silence.reason == "refused"


async def test_a_replica_that_never_had_a_link(servers: Servers, redis_program: str) -> None:
    node = servers.redis(redis_program, replicaof=f"127.0.0.1 {free_port()}")
    node.start()
    facts = await facts_of(node)
    assert not facts.link_up
    assert 0 <= facts.link_down_s < 60


async def test_a_restart_between_two_looks_is_no_silence(redis_pair: RedisPair) -> None:
    async with at(redis_pair.master) as server:
        before = await seen(server)
        redis_pair.master.stop()
        redis_pair.master.start()
        assert (await seen(server)).run_id != before.run_id


async def test_credentials(servers: Servers, redis_program: str) -> None:
    node = servers.redis(redis_program, password="open sesame", requirepass='"open sesame"')
    node.start()
    async with at(node, password="open sesame") as server:
        await seen(server)
    for password in ("a wrong secret", ""):
        async with at(node, password=password, tag="run/1") as server:
            silence = await server.observe(TIMEOUT)
            assert isinstance(silence, Silence)
            assert silence.reason == "auth", silence
            assert "a wrong secret" not in silence.detail
            with pytest.raises(QxError) as caught:
                await server.persist(TIMEOUT)
            assert "a wrong secret" not in str(caught.value)


async def test_a_user_who_may_only_look(servers: Servers, redis_program: str) -> None:
    node = servers.redis(redis_program)
    node.start()
    node.ask("ACL", "SETUSER", "watcher", "on", ">pass", "~qx:*", "+info", "+hgetall")
    async with at(node, url=f"redis://watcher@{node.address}/0", password="pass") as server:
        facts = await seen(server)
    assert facts.role == "master"
    assert facts.persistence == ()
    node.ask("ACL", "SETUSER", "blind", "on", ">pass", "+ping")
    async with at(node, url=f"redis://blind@{node.address}/0", password="pass") as server:
        silence = await server.observe(TIMEOUT)
    assert isinstance(silence, Silence)
    assert silence.reason == "auth"


def test_a_broken_url_does_not_tell_its_password() -> None:
    for url in ("redis://u:hush@h:port/0", "http://u:hush@h", "redis://u:hush@h/0?no_such=1", "rediss://h?ssl_cert_reqs=hush"):
        with pytest.raises(QxError) as caught:
            Server("sessions", "us-east", "here", url, str, SystemClock())
        assert caught.value.code == "QX-CFG-004"
        assert "hush" not in str(caught.value)


# -- silence


async def test_a_frozen_server_costs_the_deadline_and_no_more(redis_pair: RedisPair) -> None:
    """Both on the open connection, and on a new one, which the frozen server's backlog still takes."""
    node = redis_pair.master
    async with at(node) as server, at(node) as fresh, at(node, password="any") as stranger:
        await seen(server)
        with frozen(node.process):
            for one in (server, fresh, stranger):
                began = time.monotonic()
                silence = await one.observe(DEADLINE)
                await one.close()
                assert time.monotonic() - began < BOUND
                assert isinstance(silence, Silence)
                assert silence.reason == "timeout"
        assert (await seen(server)).role == "master"


async def test_an_act_that_got_no_answer_is_unsure(redis_pair: RedisPair) -> None:
    async with at(redis_pair.master, tag="run/1") as server:
        await server.settle_replicas(0, TIMEOUT)
        with frozen(redis_pair.master.process):
            began = time.monotonic()
            with pytest.raises(Unsure) as caught:
                await server.persist(DEADLINE)
            assert time.monotonic() - began < BOUND
            assert caught.value.code == "QX-RUN-002"
        await server.persist(TIMEOUT)
        redis_pair.master.kill()
        with pytest.raises(QxError) as told:
            await server.persist(TIMEOUT)
        assert told.value.code == "QX-NODE-001"
        assert not isinstance(told.value, Unsure)


# -- marker


async def test_the_marker(redis_pair: RedisPair) -> None:
    async with at(redis_pair.master, tag="run/5") as server:
        assert (await seen(server)).marker is None
        await server.write_marker(Marker("store-a", 5, "us-east"), TIMEOUT)
        assert (await seen(server)).marker == Marker("store-a", 5, "us-east")
        await server.write_marker(Marker("store-a", 6, "eu-west"), TIMEOUT)
        refused = (
            (Marker("store-a", 5, "us-east"), False, "QX-STORE-006"),
            (Marker("store-b", 7, "us-east"), False, "QX-STORE-003"),
            (Marker("store-b", 5, "us-east"), True, "QX-STORE-006"),
        )
        for marker, force, code in refused:
            with pytest.raises(QxError) as caught:
                await server.write_marker(marker, TIMEOUT, force=force)
            assert caught.value.code == code
        await server.write_marker(Marker("store-b", 7, "eu-west"), TIMEOUT, force=True)
        assert await server.settle_replicas(1, TIMEOUT) == 1
    assert (await facts_of(redis_pair.replica)).marker == Marker("store-b", 7, "eu-west")
    async with at(redis_pair.replica, tag="run/8") as server:
        with pytest.raises(QxError) as caught:
            await server.write_marker(Marker("store-b", 8, "us-east"), TIMEOUT)
        assert caught.value.code == "QX-NODE-007"
        assert "READONLY" in caught.value.message
    redis_pair.master.ask("SET", "qx:control", "of another shape")
    assert (await facts_of(redis_pair.master)).marker is None


async def test_two_that_write_the_marker_at_once(shared_redis_pair: RedisPair) -> None:
    """The higher epoch stands in the end, whoever came first."""
    shared_redis_pair.master.ask("DEL", "qx:control")
    async with at(shared_redis_pair.master, "a/1") as one, at(shared_redis_pair.master, "b/2") as two:
        for epoch in range(1, 30, 2):
            done = await asyncio.gather(
                one.write_marker(Marker("store", epoch, "us-east"), TIMEOUT),
                two.write_marker(Marker("store", epoch + 1, "eu-west"), TIMEOUT),
                return_exceptions=True,
            )
            assert done[1] is None
            assert done[0] is None or (isinstance(done[0], QxError) and done[0].code == "QX-STORE-006"), done
            assert (await seen(two)).marker == Marker("store", epoch + 1, "eu-west")


# -- acts


async def test_promotion_and_return(redis_pair: RedisPair) -> None:
    master, replica = redis_pair.master, redis_pair.replica
    async with at(replica, tag="run/1") as new, at(master, tag="run/1") as old:
        before = await seen(new)
        await new.replicate(None, TIMEOUT)
        facts = await seen(new)
        assert facts.role == "master"
        assert facts.replid2 == before.replid
        assert facts.second_offset > 0
        await old.replicate(replica.address, TIMEOUT)
        await become("the link is up", lambda: master.info()["master_link_status"] == "up")
        facts = await seen(old)
        assert (facts.role, facts.upstream) == ("replica", replica.address)
        await old.persist(TIMEOUT)
        assert f"replicaof 127.0.0.1 {replica.port}" in master.config.read_text()


async def test_handover(redis_pair: RedisPair) -> None:
    master, replica = redis_pair.master, redis_pair.replica
    async with at(master, tag="run/1") as old, at(replica, tag="run/1") as new:
        assert await old.settle_replicas(1, TIMEOUT) == 1
        await old.handover(replica.address, TIMEOUT)
        assert (await seen(old)).role == "replica"
        facts = await seen(new)
        assert (facts.role, facts.failover_state) == ("master", "no-failover")
        assert await new.settle_replicas(1, TIMEOUT) == 1


async def test_a_handover_that_is_taken_back(redis_pair: RedisPair) -> None:
    """The target is frozen behind the master's position."""
    master, replica = redis_pair.master, redis_pair.replica
    async with at(master, tag="run/1") as server:
        await seen(server)
        with frozen(replica.process):
            master.ask("SET", "some", "thing")
            began = time.monotonic()
            with pytest.raises(QxError) as caught:
                await server.handover(replica.address, 2.0)
            assert time.monotonic() - began < 3
        assert caught.value.code == "QX-NODE-007"
        assert (await seen(server)).role == "master"
        assert master.ask("SET", "some", "other") is True
        with pytest.raises(QxError) as caught:
            await server.handover("127.0.0.1:9", TIMEOUT)
        assert caught.value.code == "QX-NODE-007"


async def test_relink(redis_pair: RedisPair) -> None:
    """The master then knows the replica by its new address."""
    async with at(redis_pair.replica, tag="run/1") as server:
        await server.configure({"replica-announce-ip": "127.0.0.1", "replica-announce-port": "7001"}, TIMEOUT)
        assert (await seen(server)).announce == "127.0.0.1:7001"
        await server.relink(TIMEOUT)
    async with at(redis_pair.master) as server:
        deadline = time.monotonic() + 60
        while [(r.address, r.state) for r in (await seen(server)).replicas] != [("127.0.0.1:7001", "online")]:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def test_settling_counts_those_that_acknowledged(redis_pair: RedisPair) -> None:
    async with at(redis_pair.master, tag="run/1") as server:
        assert await server.settle_replicas(1, TIMEOUT) == 1
        with frozen(redis_pair.replica.process):
            assert await server.settle_replicas(1, DEADLINE) == 0


async def test_the_next_acknowledgement_is_a_second_after_the_last(redis_pair: RedisPair) -> None:
    async with at(redis_pair.master, tag="run/1") as server:
        seen_at = [await server.acknowledgement(redis_pair.replica.address, TIMEOUT) for _ in range(2)]
        assert None not in seen_at
        assert (seen_at[1] or 0) - (seen_at[0] or 0) > 0.5
        assert await server.acknowledgement("127.0.0.1:9", DEADLINE) is None
        with frozen(redis_pair.replica.process):
            assert await server.acknowledgement(redis_pair.replica.address, DEADLINE) is None


async def test_configure(redis_pair: RedisPair) -> None:
    async with at(redis_pair.master, tag="run/1") as server:
        await server.configure({"min-replicas-to-write": "1", "maxmemory": "32mb"}, TIMEOUT)
        facts = await seen(server)
        assert (facts.min_replicas, facts.memory_max) == (1, 32 << 20)
        with pytest.raises(QxError) as caught:
            await server.configure({"no-such-setting": "1"}, TIMEOUT)
        assert caught.value.code == "QX-NODE-007"


async def test_save(redis_pair: RedisPair) -> None:
    dump = redis_pair.master.home / "dump.rdb"
    assert not dump.exists()
    async with at(redis_pair.master, tag="run/1") as server:
        await server.save(TIMEOUT)
        first = dump.stat().st_mtime_ns
        redis_pair.master.ask("SET", "some", "thing")
        await server.save(TIMEOUT)
        assert dump.stat().st_mtime_ns > first


async def test_sessions_of_lower_epochs_are_expelled(redis_pair: RedisPair) -> None:
    node = redis_pair.master

    def names() -> list[str]:
        return sorted(c["name"] for c in node.ask("CLIENT LIST") if c["name"].startswith("qx:"))

    async with (
        at(node, "old/7") as old, at(node, "same/8") as same, at(node, "new/9") as new, at(node) as observer,
        at(node, "mine/8") as mine,
    ):  # fmt: skip
        for server in (old, same, new, mine):
            await server.persist(TIMEOUT)
        await seen(observer)
        assert names() == ["qx:mine:8", "qx:new:9", "qx:observe", "qx:old:7", "qx:same:8"]
        assert await mine.expel(8, TIMEOUT) == 1
        assert names() == ["qx:mine:8", "qx:new:9", "qx:observe", "qx:same:8"]
        assert await mine.expel(8, TIMEOUT) == 0
        with pytest.raises(QxError) as caught:
            await old.persist(TIMEOUT)
        assert caught.value.code == "QX-NODE-001"
        assert "qx:old:7" not in names()
        await seen(old)
        await old.persist(TIMEOUT)


async def test_what_the_password_raises_passes(shared_redis_pair: RedisPair) -> None:
    def missing() -> str:
        raise QxError("QX-SEC-001", "env:NAME is not set")

    server = Server("sessions", "us-east", "here", shared_redis_pair.master.url, missing, SystemClock(), "run/1")
    silence = await server.observe(TIMEOUT)
    assert isinstance(silence, Silence)
    assert silence.reason == "secret"
    with pytest.raises(QxError) as caught:
        await server.persist(TIMEOUT)
    assert caught.value.code == "QX-SEC-001"


# -- Sentinel


async def test_sentinels(servers: Servers, redis_program: str) -> None:
    pair = servers.redis_pair(redis_program)
    watchers = [servers.sentinel(redis_program, "sessions", pair.master, quorum=2) for _ in range(3)]
    addresses = tuple(watcher.address for watcher in watchers)

    def all_know_each_other() -> bool:
        told = [watcher.ask("SENTINEL MASTER", "sessions") for watcher in watchers]
        return all(state["num-other-sentinels"] == 2 for state in told)

    await become("the Sentinels know each other", all_know_each_other)
    facts = await ask_sentinels("sessions", addresses, TIMEOUT)
    assert facts.master == pair.master.address
    assert set(facts.masters.values()) == {pair.master.address}
    assert (facts.quorum, facts.detail, facts.silent, facts.failover_in_progress) == (True, "", {}, False)
    watchers[0].kill()
    facts = await ask_sentinels("sessions", addresses, TIMEOUT)
    assert facts.master == pair.master.address
    assert set(facts.silent) == {addresses[0]}
    watchers[1].kill()
    facts = await ask_sentinels("sessions", addresses, TIMEOUT)
    assert (facts.master, facts.quorum) == ("", False)
    stranger = await ask_sentinels("no-such-name", addresses[2:], TIMEOUT)
    assert (stranger.master, stranger.masters, stranger.quorum) == ("", {addresses[2]: ""}, False)
    assert "No such master" in stranger.detail
    async with at(watchers[2]) as server:
        silence = await server.observe(TIMEOUT)
    assert isinstance(silence, Silence)
    assert (silence.reason, "sentinel" in silence.detail) == ("protocol", True)
