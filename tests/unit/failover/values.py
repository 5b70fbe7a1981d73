"""Platforms and observations as values: a healthy world, of which a test changes one thing."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from qx.model.observation import (
    Archiver,
    EndpointFacts,
    Marker,
    Observation,
    PgFacts,
    Receiver,
    RedisFacts,
    RedisReplica,
    Sender,
    Silence,
)
from qx.model.platform import Cluster, Endpoint, Node, Platform, Region, Replication
from qx.model.redis_cluster import RedisClusterFacts

NOW = 1_800_000_000.0
STORE = "store-a"
US, EU, AP = "us-east", "eu-west", "ap-southeast"
PORTS = {US: 1, EU: 2, AP: 3}
Seen = Observation | Silence


def platform(regions: tuple[str, ...] = (US, EU, AP), clusters: tuple[str, ...] = ("trading", "sessions")) -> Platform:
    """Every region has a node of each cluster at 10.0.0.N, and one HTTP endpoint 'web'; home is the first region."""
    kinds = {name: "redis" if name == "sessions" else "postgresql" for name in clusters}
    return Platform(
        version=1,
        platform="test",
        regions={
            region: Region(title=region, jurisdictions=("XX",), endpoints={"web": Endpoint(url="http://h/health")})
            for region in regions
        },
        clusters={name: cluster(kind, regions) for name, kind in kinds.items()},
    )


def cluster(kind: Any, regions: tuple[str, ...] = (US, EU, AP)) -> Cluster:
    nodes = {region: Node(url=f"{kind}://qx@{address(kind, region)}/db") for region in regions}
    return Cluster(kind=kind, home=regions[0], data_classes=("trade_record",), nodes=nodes)


def via(node: Node, **ways: str) -> Node:
    return replace(node, replication=Replication(via={name.replace("_", "-"): way for name, way in ways.items()}))


def address(kind: str, region: str) -> str:
    return f"10.0.0.{PORTS[region]}:{5432 if kind == 'postgresql' else 6379}"


Facts = PgFacts | RedisFacts | RedisClusterFacts | EndpointFacts


def observed(subject: str, region: str, facts: Facts, at: float = NOW) -> Observation:
    return Observation(subject=subject, region=region, observer="qx", at=at, took_s=0.01, facts=facts)


def silent(subject: str, region: str, reason: Any = "refused", detail: str = "") -> Silence:
    return Silence(subject=subject, region=region, observer="qx", at=NOW, reason=reason, detail=detail)


def pg_writer(*replicas: str, **changed: Any) -> PgFacts:
    facts = PgFacts(
        in_recovery=False,
        system_id="7000",
        timeline=1,
        version=160004,
        position=0x5000000,
        replayed=0x5000000,
        replay_paused=False,
        replay_age_s=None,
        next_xid=1000,
        receiver=None,
        senders=tuple(sender(region) for region in replicas),
        slots=(),
        archiver=Archiver(mode="off", failed=0, last_failed_age_s=None, ready=None),
        settings={"wal_receiver_timeout": "60000"},
        upstream="",
        started_age_s=5000.0,
        prepared=0,
        longest_xact_s=0.0,
        base_backups=0,
        marker=None,
    )
    return replace(facts, **changed)


def sender(region: str, **changed: Any) -> Sender:
    position = 0x5000000
    name = f"qx_{region.replace('-', '_')}"
    made = Sender(name, "streaming", "async", position, position, position, 0.5)
    return replace(made, **changed)


def pg_replica(follows: str | None = US, message_age_s: float = 0.5, **changed: Any) -> PgFacts:
    host, _, port = address("postgresql", follows or US).rpartition(":")
    receiver = Receiver("streaming", host, int(port), "", 1, 0x5000000, message_age_s)
    facts = replace(
        pg_writer(),
        in_recovery=True,
        replay_age_s=0.2,
        receiver=receiver if follows else None,
        upstream=f"{host}:{port}",
    )
    return replace(facts, **changed)


def redis_master(*replicas: str, **changed: Any) -> RedisFacts:
    facts = RedisFacts(
        role="master",
        flavour="redis",
        version="7.0.15",
        mode="standalone",
        run_id="run",
        replid="a" * 40,
        replid2="0" * 40,
        offset=50_000,
        second_offset=-1,
        link_up=False,
        link_down_s=0,
        sync_in_progress=False,
        upstream="",
        replicas=tuple(RedisReplica(address("redis", region), "online", 50_000, 0) for region in replicas),
        failover_state="no-failover",
        memory_used=1 << 20,
        memory_max=0,
        backlog_size=1 << 20,
        persistence=("aof",),
        config_file="/etc/redis.conf",
        min_replicas=0,
        loading=False,
        priority=100,
        announce="",
        uptime_s=5000,
        marker=None,
    )
    return replace(facts, **changed)


def redis_replica(follows: str = US, **changed: Any) -> RedisFacts:
    facts = replace(redis_master(), role="replica", link_up=True, upstream=address("redis", follows))
    return replace(facts, **changed)


def marker(epoch: int, writer: str, store: str = STORE) -> Marker:
    return Marker(store, epoch, writer)


def endpoint(region: str, *, ok: bool = True, detail: str = "200") -> Observation:
    return observed("web", region, EndpointFacts(ok, detail))


def healthy() -> dict[tuple[str, str], Seen]:
    """us-east writes in both clusters, the other two follow it."""
    return {
        ("trading", US): observed("trading", US, pg_writer(EU, AP)),
        ("trading", EU): observed("trading", EU, pg_replica()),
        ("trading", AP): observed("trading", AP, pg_replica()),
        ("sessions", US): observed("sessions", US, redis_master(EU, AP)),
        ("sessions", EU): observed("sessions", EU, redis_replica()),
        ("sessions", AP): observed("sessions", AP, redis_replica()),
    }


def endpoints(regions: tuple[str, ...] = (US, EU, AP)) -> dict[tuple[str, str], Seen]:
    return {(region, "web"): endpoint(region) for region in regions}
