"""Looking at nodes from within an act: facts or a clear error, and waiting for a condition with a deadline."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from qx.kernel.errors import QxError
from qx.model.observation import PgFacts, RedisFacts, Silence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from qx.engine.world import Doing, World

T = TypeVar("T")
LOOK_S = 2.0


async def pg_facts(world: World, cluster: str, region: str, timeout: float = LOOK_S) -> PgFacts:
    """What PostgreSQL in `region` says; QX-OBS-003 when it says nothing."""
    seen = await world.postgres(cluster, region).observe(min(timeout, LOOK_S))
    if isinstance(seen, Silence) or not isinstance(seen.facts, PgFacts):
        raise QxError(
            "QX-OBS-003",
            f"{cluster} in {region} does not answer: {getattr(seen, 'detail', 'not PostgreSQL')}",
        )
    return seen.facts


async def redis_facts(world: World, cluster: str, region: str, timeout: float = LOOK_S) -> RedisFacts:
    seen = await world.redis(cluster, region).observe(min(timeout, LOOK_S))
    if isinstance(seen, Silence) or not isinstance(seen.facts, RedisFacts):
        raise QxError(
            "QX-OBS-003", f"{cluster} in {region} does not answer: {getattr(seen, 'detail', 'not Redis')}"
        )
    return seen.facts


async def each_of(acts: Iterable[Awaitable[T]]) -> list[T]:
    """At once; when all of them have ended, the first failure is raised."""
    ended = await asyncio.gather(*acts, return_exceptions=True)
    for found in ended:
        if isinstance(found, BaseException):
            raise found
    return [found for found in ended if not isinstance(found, BaseException)]


async def wait_until(
    doing: Doing, look: Callable[[], Awaitable[T | None]], every: float, otherwise: QxError
) -> T:
    """The first result that is not None; `otherwise` is raised when the act's time is over. At least one look is taken.

    A look that fails counts as one that saw nothing; the last failure is added to the message.
    """
    clock = doing.world.clock
    until = clock.elapsed() + doing.timeout
    last = ""
    while True:
        try:
            found = await look()
        except QxError as error:
            found, last = None, f"; last seen: {error.message}"
        if found is not None:
            return found
        if clock.elapsed() >= until:
            raise type(otherwise)(otherwise.code, otherwise.message + last, hint=otherwise.hint)
        await clock.sleep(every)
