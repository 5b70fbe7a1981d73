"""Guarded: a world in which no call acts on a node or a route without the lease being looked at just before it.

An executor may stand still at any instant (SIGSTOP, a suspended machine) and go on after another took its
run over. What
it had already sent is refused by its epoch; what it would send next ends here. Never: decides anything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.engine.renewals import Renewals
    from qx.engine.world import World
    from qx.model.platform import Platform
    from qx.ports.clock import Clock
    from qx.ports.controls import NodeControl
    from qx.ports.means import Means
    from qx.ports.report import Reporter
    from qx.ports.routes import Route
    from qx.ports.servers import PgServer, RedisServer
    from qx.ports.store import Store


LOOKS = frozenset({"observe", "replayed", "history", "inspect", "answers"})
"""Who only looks changes nothing, whoever rules."""


class Guarded:
    """`check(cluster)` raises when the lease on it is not in force any more."""

    def __init__(self, world: World, check: Callable[[str], None]) -> None:
        self._world, self._check = world, check

    @property
    def platform(self) -> Platform:
        return self._world.platform

    @property
    def clock(self) -> Clock:
        return self._world.clock

    @property
    def store(self) -> Store:
        return self._world.store

    @property
    def renewals(self) -> Renewals:
        return self._world.renewals

    @property
    def reporter(self) -> Reporter:
        return self._world.reporter

    @property
    def means(self) -> Means:
        return cast("Means", _Port(self._world.means, self._check, ""))

    def postgres(self, cluster: str, region: str) -> PgServer:
        return cast("PgServer", _Port(self._world.postgres(cluster, region), self._check, cluster))

    def redis(self, cluster: str, region: str) -> RedisServer:
        return cast("RedisServer", _Port(self._world.redis(cluster, region), self._check, cluster))

    def control(self, cluster: str, region: str) -> NodeControl:
        return cast("NodeControl", _Port(self._world.control(cluster, region), self._check, cluster))

    def routes(self, cluster: str) -> tuple[Route, ...]:
        return tuple(cast("Route", _Port(route, self._check, cluster)) for route in self._world.routes(cluster))

    def conninfo(self, cluster: str, upstream: str, viewer: str) -> str:
        return self._world.conninfo(cluster, upstream, viewer)

    async def act_as(self, run: str, epochs: dict[str, int]) -> None:
        await self._world.act_as(run, epochs)

    def salvage_dir(self, run: str) -> str:
        return self._world.salvage_dir(run)

    def signed_by(self, key: bytes, message: bytes, signature: str) -> bool:
        return self._world.signed_by(key, message, signature)


class _Port:
    """A port of one node or route; all its methods are coroutines."""

    def __init__(self, port: object, check: Callable[[str], None], cluster: str) -> None:
        self._port, self._check, self._cluster = port, check, cluster

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)
        if name in LOOKS:
            return cast("Callable[..., Any]", method)

        async def checked(*arguments: Any, **named: Any) -> Any:
            self._check(self._cluster)
            return await method(*arguments, **named)

        return checked
