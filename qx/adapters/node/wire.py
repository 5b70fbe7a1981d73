"""What travels between a control and the node: a verb with its arguments, and the answer, as one line of JSON
each.

The far end says `hello` first, and only then is it asked: so it is known whether a request that got no answer
was sent. `VERBS` is closed: nothing else can be asked for.

Two machines share no clock, so a term travels counted from the hello: we send how long before we heard it the renewal
was sent, the far end takes that from the instant before it said it. What it then counts from is never later than the
true instant, however long the hello, the request or either program was held up: it was said before it was heard.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from qx.adapters.node.lock import Purpose
from qx.adapters.node.server import Mode, Role
from qx.kernel.codes import CODES
from qx.kernel.errors import QxError, Refused, Unsure
from qx.model.control import Term
from qx.model.platform import Kind

if TYPE_CHECKING:
    from qx.model.control import Control

PROTOCOL = 2
LONGEST = 1 << 20  # bytes of a request

LOOKS = frozenset({"inspect", "answers"})  # verbs that change nothing
VERBS: dict[str, dict[str, Any]] = {
    "inspect": {},
    "answers": {},
    "pin": {"epoch": int, "upstream": str},
    "unpin": {"epoch": int},
    "hold": {"epoch": int, "purpose": Purpose},
    "stop": {"epoch": int, "mode": Mode},
    "start": {"epoch": int, "role": Role, "term": Term | None},
    "extend": {"epoch": int, "term": Term | None},
    "follow": {"epoch": int, "conninfo": str, "slot": str},
    "salvage": {"epoch": int, "fork": int, "timeline": int, "into": str, "fork_xid": int},
    "rewind": {"epoch": int, "conninfo": str},
    "clone": {"epoch": int, "conninfo": str, "slot": str},
}


class Hello(Struct, frozen=True):
    protocol: int = PROTOCOL


class Request(Struct, frozen=True, kw_only=True):
    protocol: int
    verb: str
    cluster: str
    region: str
    kind: Kind
    epoch: int  # 0 for inspect
    timeout_s: float
    args: dict[str, Any]  # those of VERBS without the epoch


class Failure(Struct, frozen=True, kw_only=True):
    code: str
    message: str
    hint: str = ""
    kind: str = ""  # 'refused' | 'unsure' | ''


class Reply(Struct, frozen=True, kw_only=True):
    """`result`: a Control, a manifest, or None."""

    result: Any = None
    error: Failure | None = None


def arguments(request: Request) -> dict[str, Any]:
    """Those of the verb, each of its type. Raises QX-NODE-005 when it cannot be understood."""
    wanted = VERBS.get(request.verb)
    if request.protocol != PROTOCOL or wanted is None:
        raise QxError("QX-NODE-005", f"protocol {request.protocol}, verb {request.verb!r}: not known here",
                      hint="install the same version of qx at both ends")
    given = request.args | ({"epoch": request.epoch} if "epoch" in wanted else {})
    if set(given) != set(wanted):
        words = f"{request.verb} takes {', '.join(wanted) or 'nothing'}, not {', '.join(given)}"
        raise QxError("QX-NODE-005", words)
    try:
        return {name: msgspec.convert(given[name], kind) for name, kind in wanted.items()}
    except msgspec.ValidationError as error:
        raise QxError("QX-NODE-005", f"{request.verb}: {error}") from error


def moved(arguments: dict[str, Any], by: float) -> dict[str, Any]:
    """With their term, if there is one, sent that many seconds later: from one clock to another."""
    term: Term | None = arguments.get("term")
    if term is None:
        return arguments
    return arguments | {"term": msgspec.structs.replace(term, sent=term.sent + by)}


def failure(error: QxError) -> Failure:
    kind = "refused" if isinstance(error, Refused) else "unsure" if isinstance(error, Unsure) else ""
    message = f"{error.place}: {error.message}" if error.place else error.message
    return Failure(code=error.code, message=message, hint=error.hint, kind=kind)


def raised(told: Failure) -> QxError:
    """The far end's error as ours. A code that this version does not know becomes QX-NODE-005."""
    kinds: dict[str, type[QxError]] = {"refused": Refused, "unsure": Unsure}
    code = told.code if told.code in CODES else "QX-NODE-005"
    return kinds.get(told.kind, QxError)(code, told.message, hint=told.hint)


class Carried(ABC):
    """`qx.ports.controls.NodeControl`, every verb carried as its name and arguments."""

    @abstractmethod
    async def carry(self, verb: str, timeout: float, **arguments: Any) -> Any: ...

    async def inspect(self, timeout: float) -> Control:
        return await self._control("inspect", timeout)

    async def answers(self, timeout: float) -> bool:
        told: bool = await self.carry("answers", timeout)
        return told

    async def pin(self, epoch: int, upstream: str, timeout: float) -> None:
        await self.carry("pin", timeout, epoch=epoch, upstream=upstream)

    async def unpin(self, epoch: int, timeout: float) -> None:
        await self.carry("unpin", timeout, epoch=epoch)

    async def hold(self, epoch: int, purpose: Purpose, timeout: float) -> None:
        await self.carry("hold", timeout, epoch=epoch, purpose=purpose)

    async def stop(self, epoch: int, mode: Mode, timeout: float) -> Control:
        return await self._control("stop", timeout, epoch=epoch, mode=mode)

    async def start(self, epoch: int, role: Role, timeout: float, term: Term | None = None) -> Control:
        return await self._control("start", timeout, epoch=epoch, role=role, term=term)

    async def extend(self, epoch: int, term: Term | None, timeout: float) -> str:
        guard: str = await self.carry("extend", timeout, epoch=epoch, term=term)
        return guard

    async def follow(self, epoch: int, conninfo: str, slot: str, timeout: float) -> None:
        await self.carry("follow", timeout, epoch=epoch, conninfo=conninfo, slot=slot)

    async def salvage(
        self, epoch: int, fork: int, timeline: int, into: str, fork_xid: int, timeout: float
    ) -> dict[str, Any]:
        return await self._told(
            "salvage", timeout, epoch=epoch, fork=fork, timeline=timeline, into=into, fork_xid=fork_xid
        )

    async def rewind(self, epoch: int, conninfo: str, timeout: float) -> dict[str, Any]:
        return await self._told("rewind", timeout, epoch=epoch, conninfo=conninfo)

    async def clone(self, epoch: int, conninfo: str, slot: str, timeout: float) -> dict[str, Any]:
        return await self._told("clone", timeout, epoch=epoch, conninfo=conninfo, slot=slot)

    async def _control(self, verb: str, timeout: float, **arguments: Any) -> Control:
        told: Control = await self.carry(verb, timeout, **arguments)
        return told

    async def _told(self, verb: str, timeout: float, **arguments: Any) -> dict[str, Any]:
        told: dict[str, Any] = await self.carry(verb, timeout, **arguments)
        return told
