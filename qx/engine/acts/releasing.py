"""Unfence, unhold, unpin: what kept the old writer from writing is taken back, and it writes again.

Only ever the undo of a stage whose target was not promoted. A stop that was begun cannot be called back: a PostgreSQL
that does not answer is ended and started, which loses nothing; a Redis is waited for, since ending it might.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.acts.fencing import set_free
from qx.engine.acts.seeing import pg_facts, redis_facts, wait_until
from qx.failover.sight import takes_writes
from qx.kernel.errors import QxError
from qx.model.control import PgControl
from qx.model.standing import Grant, Release
from qx.ports.controls import Unwatched

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model import plan

COMING_UP = "in crash recovery"  # as pg_controldata says: started by an earlier attempt, and not to be disturbed


class Unfence:
    async def perform(self, action: plan.Unfence | plan.Unpin, doing: Doing) -> dict[str, Any]:
        return await _write_again(action.cluster, action.region, doing)

    async def settled(self, action: plan.Unfence | plan.Unpin, doing: Doing) -> Settled | None:
        return Settled(False, {})


class Unpin(Unfence):
    """Redis, before a handover or after one that was withdrawn: the same."""


class Unhold:
    async def perform(self, action: plan.Unhold, doing: Doing) -> dict[str, Any]:
        """One that had not run before is not started: only the lock and the pin are lifted. But one that was started
        by somebody meanwhile came up as its pin said, and nobody else writes.

        Where its controller died too, nothing can be lifted. Nor need it be: it keeps nobody from writing, the next run
        holds it again, and the controller starts again what nobody replaced.
        """
        control = doing.world.control(action.cluster, action.region)
        try:
            await control.inspect(doing.timeout)  # first: the record may still prove its end
        except Unwatched as gone:
            return {"writes": False, "started": False, "left": gone.message}
        if action.start:
            return await _write_again(action.cluster, action.region, doing)
        await control.hold(doing.epoch, "", doing.timeout)
        await control.unpin(doing.epoch, doing.timeout)
        if (await control.inspect(doing.timeout)).running:
            return await _write_again(action.cluster, action.region, doing)
        return {"writes": False, "started": False}

    async def settled(self, action: plan.Unhold, doing: Doing) -> Settled | None:
        return Settled(False, {})


async def _write_again(cluster: str, region: str, doing: Doing) -> dict[str, Any]:
    control = doing.world.control(cluster, region)
    for kind in (Release.KIND, Grant.KIND):  # what was proven of it holds no more once it writes again
        doing.world.store.drop(kind, cluster)
    await control.hold(doing.epoch, "", doing.timeout)
    await control.unpin(doing.epoch, doing.timeout)
    found = await control.inspect(doing.timeout)
    await set_free(cluster, found, control, doing)
    if found.running and await _writes(cluster, region, doing):
        return {"writes": True, "started": False}
    if found.running and isinstance(found, PgControl) and found.state != COMING_UP:
        found = await control.stop(doing.epoch, "kill", doing.timeout)
    if isinstance(found, PgControl) or not found.running:
        await control.start(doing.epoch, "writer", doing.timeout)
    else:  # a Redis that was started meanwhile came up as its pin said
        await doing.world.redis(cluster, region).replicate(None, doing.timeout)

    async def look() -> bool | None:
        return await _writes(cluster, region, doing) or None

    silent = QxError("QX-NODE-004", f"{cluster} in {region} does not write again")
    await wait_until(doing, look, 0.02, silent)
    return {"writes": True, "started": True}


async def _writes(cluster: str, region: str, doing: Doing) -> bool:
    look = pg_facts if doing.kind(cluster) == "postgresql" else redis_facts
    try:
        return takes_writes(await look(doing.world, cluster, region, min(1.0, doing.timeout)))
    except QxError:
        return False
