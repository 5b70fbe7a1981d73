"""PostedNode: the control of a node of another region, reached through the store that all controllers share.

A request is a record; the controller beside the node claims it, does it, and posts the answer. No secret is posted: a
conninfo goes without its password, which the far end knows from its own file.
Invariants: a request that nobody claimed was not sent (QX-NODE-001) and can be claimed no more; one that was claimed
and not answered in time is Unsure, unless it only looked. A term is not carried: its own controller extends a guard.
"""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from qx.adapters.node.wire import LOOKS, PROTOCOL, Carried, Reply, Request, raised
from qx.kernel.errors import QxError, Refused, Unsure
from qx.kernel.ids import sortable_id
from qx.model.control import Control
from qx.model.standing import Witness
from qx.ports.controls import Unwatched

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.lease import Record
    from qx.model.platform import Kind
    from qx.ports.clock import Clock
    from qx.ports.store import Store

REQUEST, ANSWER = "node-request", "node-answer"
KEPT_S = 60.0  # what nobody fetched is gone after this long
T = TypeVar("T")
FIRST_LOOK_S, LONGEST_LOOK_S = 0.005, 0.03


class Apart(Protocol):
    async def __call__(self, call: Callable[..., T], *arguments: Any) -> T: ...


class PostedNode(Carried):
    """`lapsed`: whether a controller that so testified was not heard again in its time; `apart` does what asks the
    store, and may do so beside the event loop.
    """

    def __init__(
        self, store: Store, clock: Clock, kind: Kind, cluster: str, region: str,
        lapsed: Callable[[Record], bool] = lambda _: False, apart: Apart | None = None,
    ) -> None:
        self._lapsed = lapsed
        self._store, self._clock, self._kind = store, clock, kind
        self._cluster, self._region, self._apart = cluster, region, apart or _at_once

    async def carry(self, verb: str, timeout: float, **arguments: Any) -> Any:
        if arguments.get("term") is not None:
            raise QxError("QX-NODE-005", f"{self._where}: a term cannot be posted", hint="its own controller extends")
        arguments.pop("term", None)
        witness = await self._apart(self._store.record, Witness.KIND, self._region)
        if witness is None or self._lapsed(witness):
            raise Unwatched("QX-NODE-001", f"{self._where}: no controller watches there", hint=self._hint)
        key = f"{self._cluster}/{self._region}/{sortable_id(self._clock.now(), self._clock.noise())}"
        args = {name: _without_password(name, value) for name, value in arguments.items() if name != "epoch"}
        request = Request(
            protocol=PROTOCOL, verb=verb, cluster=self._cluster, region=self._region, kind=self._kind,
            epoch=arguments.get("epoch", 0), timeout_s=timeout, args=args,
        )  # fmt: skip
        put = functools.partial(self._store.put, expect=0, ttl=timeout + KEPT_S)
        posted = await self._apart(put, REQUEST, key, msgspec.to_builtins(request))
        reply = await self._answer(key, timeout)
        if reply is None:
            raise await self._apart(self._unanswered, key, posted.revision, verb, timeout)
        if reply.error is not None:
            raise raised(reply.error)
        return msgspec.convert(reply.result, Control) if verb in {"inspect", "stop", "start"} else reply.result

    async def _answer(self, key: str, timeout: float) -> Reply | None:
        until, pause = self._clock.elapsed() + timeout, FIRST_LOOK_S
        while True:
            found = await self._apart(self._store.record, ANSWER, key)
            if found is not None:
                await self._apart(self._store.drop, ANSWER, key)
                return msgspec.convert(found.value, Reply)
            if self._clock.elapsed() >= until:
                return None
            await asyncio.sleep(pause)
            pause = min(LONGEST_LOOK_S, pause * 1.5)

    def _unanswered(self, key: str, revision: int, verb: str, timeout: float) -> QxError:
        said = f"{self._where}: its controller did not answer within {timeout:g} s"
        try:
            claimed = not self._store.drop(REQUEST, key, expect=revision)
        except Refused:
            claimed = True
        if claimed and verb not in LOOKS:
            return Unsure("QX-RUN-002", f"{said}, and had claimed {verb}", hint="observe the node before asking again")
        return QxError("QX-NODE-001", said, hint=self._hint)

    @property
    def _where(self) -> str:
        return f"{self._cluster}/{self._region}"

    @property
    def _hint(self) -> str:
        return f"qx daemon --region {self._region} must run beside it"


async def _at_once(call: Callable[..., T], *arguments: Any) -> T:
    return call(*arguments)


def _without_password(name: str, value: Any) -> Any:
    if name in {"conninfo", "upstream"} and isinstance(value, str) and "password=" in value:
        words = conninfo_to_dict(value)
        words.pop("password", None)
        return make_conninfo("", **{key: str(each) for key, each in words.items()})
    return value
