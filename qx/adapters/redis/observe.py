"""What a Redis or Valkey node tells of itself, in one round trip, as RedisFacts.

Valkey speaks of itself in Redis' words, with differences: `server_mode` for `redis_mode`, its own version beside that
of the Redis that it is compatible with, `type=` in the lines of its replicas. Where CONFIG is not granted, its defaults
are told: no minimum of replicas, priority 100, nothing announced, no snapshots. A node that loads its data, or may not
serve stale ones, hides its marker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from qx.adapters.answer import Declined
from qx.adapters.redis.marker import KEY, marker_of
from qx.model.observation import RedisFacts, RedisReplica

if TYPE_CHECKING:
    from qx.adapters.redis.session import Command, Session

QUESTIONS: tuple[Command, ...] = (
    ("INFO",),
    ("HGETALL", KEY),
    ("CONFIG", "GET", "save"),
    ("CONFIG", "GET", "min-replicas-to-write"),
    ("CONFIG", "GET", "replica-priority"),
    ("CONFIG", "GET", "replica-announce-*"),
)


async def facts(session: Session, timeout: float, *, watched: bool) -> RedisFacts:
    """All there is to know of the node; `watched`: by Sentinels. Raises NoAnswer, Declined."""
    told, marker, *settings = await session.ask_all(*QUESTIONS, timeout=timeout, harmless=True)
    if isinstance(told, Declined):
        raise told
    info = words_of(told)
    config: dict[str, str] = {}
    for answer in settings:
        config |= _pairs(answer)
    try:
        return _facts(info, config, _pairs(marker), watched=watched)
    except (KeyError, ValueError) as error:
        what = info.get("redis_mode") or info.get("server_mode") or "unknown"
        raise Declined(session.node, "", f"it tells no {error} of its replication (mode: {what})") from None


def words_of(info: str) -> dict[str, str]:
    """INFO's lines by name."""
    lines = (line.partition(":") for line in info.splitlines() if not line.startswith("#"))
    return {name: value for name, colon, value in lines if colon}


def _facts(info: dict[str, str], config: dict[str, str], marker: dict[str, str], *, watched: bool) -> RedisFacts:
    master = info["role"] == "master"
    link_up = master or info["master_link_status"] == "up"
    host, port = config.get("replica-announce-ip", ""), int(config.get("replica-announce-port", "0"))
    return RedisFacts(
        role="master" if master else "replica",
        flavour="valkey" if info.get("server_name") == "valkey" else "redis",
        version=info.get("valkey_version") or info["redis_version"],
        mode=_mode(info, watched=watched),
        run_id=info["run_id"],
        replid=info["master_replid"],
        replid2=info["master_replid2"],
        offset=int(info["master_repl_offset"] if master else info["slave_repl_offset"]),
        second_offset=int(info["second_repl_offset"]),
        link_up=link_up,
        link_down_s=0 if link_up else _down_for(info),
        sync_in_progress=info.get("master_sync_in_progress", "0") == "1",
        upstream="" if master else f"{info['master_host']}:{info['master_port']}",
        replicas=replicas_of(info),
        failover_state=info.get("master_failover_state", "no-failover"),
        memory_used=int(info["used_memory"]),
        memory_max=int(info["maxmemory"]),
        backlog_size=int(info["repl_backlog_size"]),
        persistence=tuple(way for way, on in (("aof", info["aof_enabled"] == "1"), ("rdb", config.get("save"))) if on),
        config_file=info.get("config_file", ""),
        min_replicas=int(config.get("min-replicas-to-write", "0")),
        loading=info["loading"] == "1",
        priority=int(config.get("replica-priority") or info.get("slave_priority", "100")),
        announce=f"{host}:{port or info['tcp_port']}" if host else "",
        uptime_s=int(info["uptime_in_seconds"]),
        marker=marker_of(marker),
        io_age_s=max(0, int(info.get("master_last_io_seconds_ago", "0"))),
        clock=int(info["server_time_usec"]) / 1e6 if "server_time_usec" in info else None,
    )


def _mode(info: dict[str, str], *, watched: bool) -> Literal["standalone", "sentinel", "cluster"]:
    if (info.get("redis_mode") or info.get("server_mode")) == "cluster":
        return "cluster"
    return "sentinel" if watched else "standalone"


def _down_for(info: dict[str, str]) -> int:
    """Seconds; since it was started when the link was never up."""
    seconds = int(info["master_link_down_since_seconds"])
    return seconds if seconds >= 0 else int(info["uptime_in_seconds"])


def replicas_of(info: dict[str, str]) -> tuple[RedisReplica, ...]:
    return tuple(_replica(info[f"slave{n}"]) for n in range(int(info["connected_slaves"])))


def _replica(line: str) -> RedisReplica:
    """`ip=127.0.0.1,port=6380,state=online,offset=14,lag=1`"""
    words = dict(word.split("=", 1) for word in line.split(","))
    return RedisReplica(f"{words['ip']}:{words['port']}", words["state"], int(words["offset"]), int(words["lag"]))


def _pairs(answer: Any) -> dict[str, str]:
    """Names and values as RESP2 gives them; empty when refused."""
    return {} if isinstance(answer, Declined) else dict(zip(answer[::2], answer[1::2], strict=True))
