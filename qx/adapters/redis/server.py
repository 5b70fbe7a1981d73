"""One Redis or Valkey server: what it tells of itself, and what qx asks it to do."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as Broken
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as Late

from qx.adapters.answer import Declined, LostAnswer, NoAnswer, ruled
from qx.adapters.look import View, look
from qx.adapters.poll import until
from qx.model.observation import Marker, RedisFacts, RedisReplica

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.observation import Observation, Silence
    from qx.ports.clock import Clock

KEY = "qx:control"
SETTLE = "qx:settle"
POLL_S = 0.005


class RedisNode:
    """`tag`: '<run>/<epoch>' of a run, '' of an observer."""

    def __init__(
        self, cluster: str, region: str, observer: str, url: str, password: Callable[[], str], clock: Clock, tag: str = ""
    ) -> None:
        self._view = View(cluster, region, observer)
        self._url, self._password, self._clock = url, password, clock
        self._name = f"qx:{tag.replace('/', ':')}" if tag else "qx:observe"
        self._client: Any = None

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            with suppress(RedisError, OSError):
                await client.aclose()

    async def _ask(self, timeout: float, *words: object, harmless: bool = False) -> Any:
        sent = False
        try:
            async with asyncio.timeout(timeout):
                if self._client is None:
                    self._client = Redis.from_url(
                        self._url, password=self._password() or None, socket_timeout=timeout + 5, socket_connect_timeout=timeout,
                        retry=Retry(NoBackoff(), 0), single_connection_client=True, client_name=self._name, decode_responses=True,
                    )
                    await self._client.ping()
                sent = True
                return await self._client.execute_command(*words)
        except ResponseError as error:
            raise Declined(self._view.node, str(error).split(" ", 1)[0], str(error)) from error
        except (Broken, Late, OSError, TimeoutError) as error:
            await self.close()
            late = isinstance(error, (TimeoutError, Late))
            reason = "timeout" if late else "refused"
            detail = f"no answer within {timeout:.3g} s" if late else str(error)
            if sent and not harmless:
                raise LostAnswer(self._view.node, reason, detail) from error
            raise NoAnswer(self._view.node, reason, detail) from error

    async def observe(self, timeout: float) -> Observation | Silence:
        return await look(self._view, self._clock, self._facts(timeout))

    async def _facts(self, timeout: float) -> RedisFacts:
        info = await self._ask(timeout, "INFO", "everything", harmless=True)
        raw = await self._ask(timeout, "GET", KEY, harmless=True)
        config = await self._ask(timeout, "CONFIG", "GET", "*", harmless=True)
        marker = json.loads(raw) if raw else None
        master = info["role"] == "master"
        replicas = [
            value for key, value in info.items() if key.startswith(("slave", "replica")) and isinstance(value, dict) and "ip" in value
        ]
        host, port = config.get("replica-announce-ip", ""), config.get("replica-announce-port", "0")
        return RedisFacts(
            role="master" if master else "replica",
            flavour="valkey" if "valkey_version" in info else "redis",
            version=str(info.get("valkey_version", info.get("redis_version", ""))),
            mode="standalone",
            run_id=info["run_id"],
            replid=info["master_replid"],
            replid2=info["master_replid2"],
            offset=int(info["master_repl_offset"] if master else info.get("slave_repl_offset", 0)),
            second_offset=int(info["second_repl_offset"]),
            link_up=master or info.get("master_link_status") == "up",
            link_down_s=0 if master else max(0, int(info.get("master_link_down_since_seconds", 0))),
            sync_in_progress=bool(info.get("master_sync_in_progress", 0)),
            upstream="" if master else f"{info['master_host']}:{info['master_port']}",
            replicas=tuple(
                RedisReplica(f"{r['ip']}:{r['port']}", str(r["state"]), int(r["offset"]), int(r["lag"])) for r in replicas
            ),
            failover_state=str(info.get("master_failover_state", "no-failover")),
            memory_used=int(info["used_memory"]),
            memory_max=int(info["maxmemory"]),
            backlog_size=int(info["repl_backlog_size"]),
            persistence=tuple(w for w, on in (("aof", info["aof_enabled"]), ("rdb", config.get("save"))) if on),
            config_file=str(info.get("config_file", "")),
            min_replicas=int(config.get("min-replicas-to-write", 0)),
            loading=bool(info["loading"]),
            priority=int(config.get("replica-priority", 100)),
            announce=f"{host}:{port}" if host else "",
            uptime_s=int(info["uptime_in_seconds"]),
            marker=Marker(marker["store_id"], marker["epoch"], marker["writer"]) if marker else None,
        )

    async def replicate(self, upstream: str | None, timeout: float) -> None:
        host, _, port = upstream.rpartition(":") if upstream else ("NO", "", "ONE")
        await self._ask(timeout, "REPLICAOF", host, port)

    async def relink(self, timeout: float) -> None:
        await self._ask(timeout, "CLIENT", "KILL", "TYPE", "master")

    async def handover(self, address: str, timeout: float) -> None:
        deadline = self._clock.elapsed() + timeout
        host, _, port = address.rpartition(":")
        await self._ask(timeout, "FAILOVER", "TO", host, port, "TIMEOUT", str(max(1, int(timeout * 800))))

        async def over(left: float) -> bool | None:
            info = await self._ask(left, "INFO", "replication", harmless=True)
            if info["role"] == "slave":
                return True
            if info["master_failover_state"] == "no-failover":
                raise Declined(self._view.node, "FAILOVER", "it took its failover back: the target did not catch up in time")
            return None

        await until(self._view.node, self._clock, deadline, POLL_S, over, "its failover is under way")

    async def settle_replicas(self, count: int, timeout: float) -> int:
        await self._ask(timeout, "SET", SETTLE, "1")
        return int(await self._ask(timeout + 1, "WAIT", count, max(1, int(timeout * 1000))))

    async def configure(self, settings: dict[str, str], timeout: float) -> None:
        await self._ask(timeout, "CONFIG", "SET", *(word for pair in settings.items() for word in pair))

    async def persist(self, timeout: float) -> None:
        await self._ask(timeout, "CONFIG", "REWRITE")

    async def save(self, timeout: float) -> None:
        await self._ask(timeout, "SAVE")

    async def write_marker(self, marker: Marker, timeout: float, *, force: bool = False) -> None:
        raw = await self._ask(timeout, "GET", KEY, harmless=True)
        if raw:
            old = json.loads(raw)
            foreign = old["store_id"] != marker.store_id
            if (foreign and not force) or old["epoch"] > marker.epoch:
                raise ruled(self._view.node, marker, old["store_id"], old["epoch"], force=force)
        value = json.dumps({"store_id": marker.store_id, "epoch": marker.epoch, "writer": marker.writer})
        await self._ask(timeout, "SET", KEY, value)

    async def expel(self, below_epoch: int, timeout: float) -> int:
        ended = 0
        for client in await self._ask(timeout, "CLIENT", "LIST", harmless=True):
            words = str(client.get("name", "")).split(":")
            if len(words) == 3 and words[0] == "qx" and words[2].isdigit() and int(words[2]) < below_epoch:
                ended += int(await self._ask(timeout, "CLIENT", "KILL", "ID", client["id"]))
        return ended
