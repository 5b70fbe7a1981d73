"""SQL, Redis, HTTP and programs: one statement, command, request or program of a runbook, and what it answered.

Nothing that may have had an effect is repeated unless somebody declared that it may be, or its effect was looked for
and is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.engine.acts import Settled
from qx.engine.conditions import expected, proven
from qx.kernel.errors import QxError, Refused

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model import asked


class Sql:
    async def perform(self, action: asked.Sql, doing: Doing) -> dict[str, Any]:
        """Without a region, and whenever it writes, at the writer that is seen now; one that the record does not name
        is not written to.
        """
        region = await _place(action.cluster, action.region, doing, writes=action.writes)
        found = await doing.world.means.sql(
            action.cluster, region, action.statement, action.parameters, doing.run,
            writes=action.writes, rows=action.rows, timeout=doing.timeout,
        )  # fmt: skip
        found = {"region": region} | found
        expected(action.expect, found, changed=action.writes)
        return found

    async def settled(self, action: asked.Sql, doing: Doing) -> Settled | None:
        if not action.writes:
            return Settled(False, {})
        if not action.settled:
            return None
        region = await _place(action.cluster, action.region, doing, writes=True)
        means = doing.world.means
        if await means.sql_open(action.cluster, region, doing.run, doing.timeout):
            return None
        found = await means.sql(
            action.cluster, region, action.settled, (), doing.run, writes=False, rows=2, timeout=doing.timeout
        )
        values = [value for row in found["rows"] for value in row.values()]
        if len(values) != 1 or not isinstance(values[0], bool):
            return None
        return Settled(values[0], {"region": region, "settled": values[0]})


class RedisCommand:
    async def perform(self, action: asked.RedisCommand, doing: Doing) -> dict[str, Any]:
        region = await _place(action.cluster, action.region, doing, writes=action.writes)
        found = {"region": region} | await doing.world.means.redis(
            action.cluster, region, action.command, doing.run, writes=action.writes, timeout=doing.timeout
        )
        expected(action.expect, found, changed=action.writes)
        return found

    async def settled(self, action: asked.RedisCommand, doing: Doing) -> Settled | None:
        return Settled(False, {}) if action.repeatable or not action.writes else None


class HttpCall:
    async def perform(self, action: asked.HttpCall, doing: Doing) -> dict[str, Any]:
        found = await doing.world.means.http(
            action.method, action.url, action.headers, action.secrets, action.body, doing.timeout
        )
        if found["status"] not in action.status:
            wanted = ", ".join(map(str, action.status))
            words = f"{action.method} {action.url} was answered with {found['status']}, expected {wanted}"
            raise proven(QxError("QX-BOOK-006", words), found, changed=action.changes)
        expected(action.expect, found, changed=action.changes)
        return found

    async def settled(self, action: asked.HttpCall, doing: Doing) -> Settled | None:
        return Settled(False, {}) if action.repeatable or not action.changes else None


class Command:
    async def perform(self, action: asked.Command, doing: Doing) -> dict[str, Any]:
        found = await doing.world.means.program(action.argv, action.secrets, doing.timeout)
        if found["exit"] not in action.exit:
            words = f"{action.argv[0]} ended with {found['exit']}: {found['stderr'] or found['stdout']}".rstrip(": ")
            raise proven(QxError("QX-BOOK-006", words), found, changed=True)
        expected(action.expect, found, changed=True)
        return found

    async def settled(self, action: asked.Command, doing: Doing) -> Settled | None:
        return Settled(False, {}) if action.repeatable else None


async def _place(cluster: str, region: str, doing: Doing, *, writes: bool) -> str:
    """The region of the server that is meant. Refused QX-BOOK-007 where a write would go to anybody but the writer."""
    if region and not writes:
        return region
    view = (await doing.world.means.look()).clusters[cluster]
    if view.writer is None:
        raise QxError("QX-OBS-003", f"{cluster}: no writer is seen: {view.because}", hint="qx status")
    if region and region != view.writer:
        hint = "leave the region out: then it is the writer of the moment"
        raise Refused("QX-BOOK-007", f"{cluster} writes in {view.writer}, not in {region}", hint=hint)
    if writes and view.recorded_writer not in (None, view.writer):
        words = f"{cluster}: {view.writer} takes writes, and the record names {view.recorded_writer}"
        raise Refused("QX-BOOK-007", words, hint="qx status; qx control show")
    return view.writer
