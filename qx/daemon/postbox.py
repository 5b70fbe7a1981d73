"""Postbox: does beside the node what controllers of other regions ask for through the store, once each.

Whoever claims a request that acts is the only one to do it. The node's own lock and epoch decide whether it may.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any

import msgspec

from qx.adapters.node.posted import ANSWER, KEPT_S, REQUEST
from qx.adapters.node.wire import LOOKS, Reply, Request, arguments, failure
from qx.failover.links import conninfo
from qx.failover.sight import region_at
from qx.kernel.errors import QxError, Refused

if TYPE_CHECKING:
    from qx.app.workbench import Workbench
    from qx.daemon.log import Log
    from qx.model.lease import Record

LOOK_S = 0.2  # between looks, should the store not tell of changes by itself


class Postbox:
    def __init__(self, bench: Workbench, region: str, log: Log) -> None:
        self._bench, self._region, self._log = bench, region, log
        self._doing: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async for record in self._bench.store.changes((REQUEST,)):
                    if record.value and self._is_mine(record):
                        task = asyncio.create_task(self._one(record))
                        self._doing.add(task)
                        task.add_done_callback(self._doing.discard)
            except QxError as error:
                self._log.tell("error", code=error.code, message=error.message)
            await self._bench.clock.sleep(LOOK_S)

    def _is_mine(self, record: Record) -> bool:
        cluster, region, _ = record.key.split("/", 2)
        mine = region == self._region and (cluster, region) in self._bench.controls
        return mine and "claimed" not in record.value

    async def _one(self, record: Record) -> None:
        """What only looks is not claimed: done twice it is no harm."""
        store, request = self._bench.store, msgspec.convert(record.value, Request)
        try:
            if request.verb not in LOOKS:
                claim = functools.partial(store.put, expect=record.revision, ttl=KEPT_S)
                await self._bench.apart(claim, REQUEST, record.key, record.value | {"claimed": True})
        except Refused:
            return  # taken back meanwhile
        except QxError as error:
            self._log.tell("error", code=error.code, message=error.message)
            return
        reply = await self._done(request)
        try:
            answer = functools.partial(store.put, ttl=KEPT_S)
            await self._bench.apart(answer, ANSWER, record.key, msgspec.to_builtins(reply))
            await self._bench.apart(store.drop, REQUEST, record.key)
        except QxError as error:
            self._log.tell("error", code=error.code, message=error.message)

    async def _done(self, request: Request) -> Reply:
        try:
            given = arguments(msgspec.structs.replace(request, args=request.args | _absent(request.verb)))
            given = {name: self._completed(request, name, value) for name, value in given.items()}
            control = self._bench.controls[request.cluster, request.region]
            result = await getattr(control, request.verb)(**given, timeout=request.timeout_s)
        except QxError as error:
            return Reply(error=failure(error))
        return Reply(result=msgspec.to_builtins(result))

    def _completed(self, request: Request, name: str, value: Any) -> Any:
        """The conninfo, with the password that was not posted."""
        if name not in ("conninfo", "upstream") or request.kind != "postgresql" or not value:
            return value
        from psycopg.conninfo import conninfo_to_dict

        words, cluster = conninfo_to_dict(value), self._bench.platform.clusters[request.cluster]
        upstream = region_at(cluster, request.region, f"{words.get('host')}:{words.get('port')}")
        if upstream is None:
            return value
        node = cluster.nodes[upstream]
        reference = node.replication.password or node.password
        secret = self._bench.secret(reference) if reference else ""
        return conninfo(cluster, upstream, request.region, secret) if secret else value


def _absent(verb: str) -> dict[str, Any]:
    """What is never posted, and the verb wants to be given."""
    return {"term": None} if verb in ("start", "extend") else {}
