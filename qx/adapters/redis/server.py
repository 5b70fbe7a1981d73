"""A Redis or Valkey server behind the port: what qx asks it to do, each within a deadline.

Invariants: nothing is sent twice that may have had an effect; what takes effect later is waited for and seen, never
assumed; a session is named after its run and epoch, and those of lower epochs can be ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from qx.adapters.answer import Declined
from qx.adapters.look import View, look
from qx.adapters.poll import until
from qx.adapters.redis import marker as own
from qx.adapters.redis import observe
from qx.adapters.redis.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.observation import Marker, Observation, Silence
    from qx.ports.clock import Clock

POLL_S: Final = 0.01
ACK_POLL_S: Final = 0.004
ANSWER_S: Final = 0.25  # of the time for a WAIT, left for its answer to come
FAILOVER_MARGIN_S: Final = 0.5  # so that the server takes its own failover back before our deadline, and we see it


class RedisNode:
    """One node. `password` is asked for at each connect and may raise QX-SEC-*; `tag` is '<run>/<epoch>' of a run;
    `watched`: Sentinels are configured for its cluster.
    """

    def __init__(
        self,
        cluster: str,
        region: str,
        observer: str,
        url: str,
        password: Callable[[], str],
        clock: Clock,
        tag: str = "",
        heard: Callable[[], None] | None = None,
        *,
        watched: bool = False,
    ) -> None:
        self._view = View(cluster, region, observer)
        self._clock = clock
        self._session = Session(self._view.node, url, password, tag, heard)
        self._watched = watched

    async def observe(self, timeout: float) -> Observation | Silence:
        return await look(self._view, self._clock, observe.facts(self._session, timeout, watched=self._watched))

    async def heartbeat(self, timeout: float) -> None:
        await self._session.ask("SET", own.PROBE, f"{self._clock.now():.6f}", timeout=timeout, harmless=True)

    async def close(self) -> None:
        await self._session.close()

    async def replicate(self, upstream: str | None, timeout: float) -> None:
        """Returns when the role has changed; a link to `upstream` comes later."""
        host, _, port = upstream.rpartition(":") if upstream else ("NO", "", "ONE")
        await self._session.ask("REPLICAOF", host.strip("[]"), port, timeout=timeout)

    async def relink(self, timeout: float) -> None:
        await self._session.ask("CLIENT", "KILL", "TYPE", "master", timeout=timeout)

    async def handover(self, address: str, timeout: float) -> None:
        deadline = self._clock.elapsed() + timeout
        host, _, port = address.rpartition(":")
        patience_ms = int(max(timeout - FAILOVER_MARGIN_S, timeout / 2) * 1000)
        where = ("TO", host.strip("[]"), port)
        await self._session.ask("FAILOVER", *where, "TIMEOUT", max(1, patience_ms), timeout=timeout)

        async def over(left: float) -> bool | None:
            """It is a replica already while its request for the new master's stream may still be refused."""
            info = observe.words_of(await self._session.ask("INFO", "replication", timeout=left, harmless=True))
            if info["master_failover_state"] != "no-failover":
                return None
            return info["role"] == "slave"

        if not await until(self._view.node, self._clock, deadline, POLL_S, over, "its failover is under way"):
            raise Declined(self._view.node, "FAILOVER", f"it took its failover to {address} back: no answer in time")

    async def settle_replicas(self, count: int, timeout: float) -> int:
        """May return less than `count` at the deadline. WAIT counts this session's own writes only."""
        patience_ms = max(1, int((timeout - max(timeout * 0.2, ANSWER_S)) * 1000))
        written, acknowledged = await self._session.ask_all(
            ("SET", own.PROBE, f"{self._clock.now():.6f}"), ("WAIT", count, patience_ms), timeout=timeout
        )
        for answer in (written, acknowledged):
            if isinstance(answer, Declined):
                raise answer
        return int(acknowledged)

    async def acknowledgement(self, address: str, timeout: float) -> float | None:
        deadline = self._clock.elapsed() + timeout
        last: int | None = None
        while (asked := self._clock.elapsed()) < deadline:
            written, told = await self._session.ask_all(
                ("SET", own.PROBE, f"{self._clock.now():.6f}"), ("INFO", "replication"), timeout=timeout
            )
            for answer in (written, told):
                if isinstance(answer, Declined):
                    raise answer
            replicas = {replica.address: replica.offset for replica in observe.replicas_of(observe.words_of(told))}
            offset = replicas.get(address)
            if last is not None and offset is not None and offset != last:
                return asked
            last = offset
            await self._clock.sleep(ACK_POLL_S)
        return None

    async def configure(self, settings: dict[str, str], timeout: float) -> None:
        """Each by itself: a refused one (QX-NODE-007) does not take the others back."""
        commands = tuple(("CONFIG", "SET", name, value) for name, value in settings.items())
        for answer in await self._session.ask_all(*commands, timeout=timeout):
            if isinstance(answer, Declined):
                raise answer

    async def persist(self, timeout: float) -> None:
        await self._session.ask("CONFIG", "REWRITE", timeout=timeout)

    async def save(self, timeout: float) -> None:
        deadline = self._clock.elapsed() + timeout

        async def ended(left: float) -> str | None:
            info = observe.words_of(await self._session.ask("INFO", "persistence", timeout=left, harmless=True))
            busy = info["rdb_bgsave_in_progress"] == "1" or info["aof_rewrite_in_progress"] == "1"
            return None if busy else info["rdb_last_bgsave_status"]

        await until(self._view.node, self._clock, deadline, POLL_S, ended, "another save is under way")
        await self._session.ask("BGSAVE", timeout=deadline - self._clock.elapsed())
        status = await until(self._view.node, self._clock, deadline, POLL_S, ended, "its save is under way")
        if status != "ok":
            raise Declined(self._view.node, "", "its background save failed", hint="the server's log says why")

    async def write_marker(self, marker: Marker, timeout: float, *, force: bool = False) -> None:
        await own.write_marker(self._session, self._clock, marker, timeout, force=force)

    async def expel(self, below_epoch: int, timeout: float) -> int:
        deadline = self._clock.elapsed() + timeout
        clients = await self._session.ask("CLIENT", "LIST", timeout=timeout, harmless=True)
        older = [client["id"] for client in map(_words, clients.splitlines()) if _epoch(client["name"]) < below_epoch]
        if not older:
            return 0
        kill = tuple(("CLIENT", "KILL", "ID", number) for number in older)
        answers = await self._session.ask_all(*kill, timeout=deadline - self._clock.elapsed())
        return sum(answer == 1 for answer in answers)


def _words(line: str) -> dict[str, str]:
    """`id=3 addr=127.0.0.1:42410 name=qx:run:7 ...`"""
    return dict(word.split("=", 1) for word in line.split(" ") if "=" in word)


def _epoch(name: str) -> float:
    """The epoch of a session of qx's; infinite for anybody else's."""
    match name.split(":"):
        case ["qx", _, epoch] if epoch.isascii() and epoch.isdigit():
            return int(epoch)
    return float("inf")
