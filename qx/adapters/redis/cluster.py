"""The members of a Redis Cluster that stand in one region, looked at together: each tells of itself and of all others.

Invariants: all are asked at once, each in one round trip within the same deadline; one that is silent is told by name,
and only when none answers is the region silent. Nothing is ever asked of a Redis Cluster that changes anything.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from qx.adapters.answer import Declined, LostAnswer, NoAnswer
from qx.adapters.look import View, look
from qx.adapters.redis.session import Session
from qx.adapters.redis.table import member_of
from qx.model.redis_cluster import Member, RedisClusterFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.adapters.redis.session import Command
    from qx.model.observation import Observation, Silence
    from qx.ports.clock import Clock

_QUESTIONS: tuple[Command, ...] = (
    ("INFO", "server"),
    ("INFO", "replication"),
    ("CLUSTER", "INFO"),
    ("CLUSTER", "NODES"),
    ("CLUSTER", "SHARDS"),  # offsets; refused before Redis 7.0
)


class RedisClusterNode:
    """`url` of one member, `members`: host:port of those that stand beside it, with the same credentials and TLS."""

    def __init__(
        self, cluster: str, region: str, observer: str, url: str, members: tuple[str, ...],
        password: Callable[[], str], clock: Clock, heard: Callable[[], None] | None = None,
    ) -> None:
        self._view = View(cluster, region, observer)
        self._clock = clock
        parts = urlsplit(url)
        first = f"{parts.hostname or 'localhost'}:{parts.port or 6379}"
        self._sessions = {
            address: Session(f"{self._view.node} ({address})", _at(url, address), password, "", heard)
            for address in (first, *members)
        }

    async def observe(self, timeout: float) -> Observation | Silence:
        return await look(self._view, self._clock, self._facts(timeout))

    async def heartbeat(self, timeout: float) -> None:
        """None: nothing is written to a Redis Cluster."""

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()

    async def _facts(self, timeout: float) -> RedisClusterFacts:
        answers = await asyncio.gather(
            *(_asked(address, session, timeout) for address, session in self._sessions.items())
        )
        silent: dict[str, NoAnswer | LostAnswer | Declined] = {
            address: answer
            for address, answer in zip(self._sessions, answers, strict=True)
            if isinstance(answer, NoAnswer | LostAnswer | Declined)
        }
        if len(silent) == len(answers):
            raise next(iter(silent.values()))
        return RedisClusterFacts(
            members=tuple(answer for answer in answers if isinstance(answer, Member)),
            silent={address: _words(error) for address, error in silent.items()},
        )


async def _asked(address: str, session: Session, timeout: float) -> Member | NoAnswer | LostAnswer | Declined:
    try:
        server, replication, info, nodes, shards = await session.ask_all(*_QUESTIONS, timeout=timeout, harmless=True)
        for answer in (server, replication, info, nodes):
            if isinstance(answer, Declined):
                return _explained(session, answer)
        return member_of(address, server, replication, info, nodes, [] if isinstance(shards, Declined) else shards)
    except (NoAnswer, LostAnswer) as error:
        return error
    except (KeyError, ValueError, IndexError) as error:
        return Declined(session.node, "", f"what it tells of its cluster cannot be read: {error}")


def _explained(session: Session, answer: Declined) -> Declined:
    if "cluster support disabled" in answer.words:
        words = "it is no member of a Redis Cluster (cluster-enabled no): its kind is redis"
        return Declined(session.node, answer.state, words)
    return answer


def _words(error: NoAnswer | LostAnswer | Declined) -> str:
    return error.words if isinstance(error, Declined) else error.detail


def _at(url: str, address: str) -> str:
    """`url` with another host and port."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{at}{address}").geturl()
