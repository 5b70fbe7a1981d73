"""announce(world, epochs): every node and route is told the new epoch, sessions of lower ones are ended.

So that an executor that stood still finds its connections dead, and its epoch refused, when it goes on. Changes nothing
else. What cannot be reached is recorded, not an error: it cannot be acted on either, and is seen again by its own step.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal, cast

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from qx.engine.world import World
    from qx.ports.routes import Route

DEADLINE_S = 2.0


async def announce(world: World, epochs: dict[str, int]) -> dict[str, Any]:
    """All at once. Returns what was found: sessions ended, or in words why not, by 'cluster/region' and part."""
    told: dict[str, Awaitable[Any]] = {}
    for cluster, epoch in epochs.items():
        for region in world.platform.clusters[cluster].nodes:
            told[f"{cluster}/{region}/sessions"] = _server(world, cluster, region, epoch)
            told[f"{cluster}/{region}/control"] = _control(world, cluster, region, epoch)
        for number, route in enumerate(world.routes(cluster)):
            told[f"{cluster}/route/{number}"] = _route(route, epoch)
    return dict(zip(told, await asyncio.gather(*map(_or_words, told.values())), strict=True))


async def _or_words(call: Awaitable[Any]) -> Any:
    try:
        return await call
    except QxError as error:
        return str(error)


async def _server(world: World, cluster: str, region: str, epoch: int) -> int:
    if world.platform.clusters[cluster].kind == "postgresql":
        return await world.postgres(cluster, region).expel(epoch, DEADLINE_S)
    return await world.redis(cluster, region).expel(epoch, DEADLINE_S)


async def _control(world: World, cluster: str, region: str, epoch: int) -> str:
    control = world.control(cluster, region)
    held = (await control.inspect(DEADLINE_S)).held_for
    await control.hold(epoch, cast("Literal['standby', 'stop', '']", held), DEADLINE_S)
    return f"held for '{held}'"


async def _route(route: Route, epoch: int) -> str | None:
    target = await route.target(DEADLINE_S)
    if target is None:
        await route.close(epoch, DEADLINE_S)
    else:
        await route.open(epoch, target, DEADLINE_S)
    return target
