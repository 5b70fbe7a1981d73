"""One thing that is wrong with the values of a document, and how many of them become errors with places."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.config.document import dotted
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.config.document import Document, Trail


class Fault(NamedTuple):
    """`message` goes on after `clusters.trading.home: `. `also`: the other values that this judgement rests on."""

    code: str
    trail: Trail
    message: str
    hint: str = ""
    on_key: bool = False
    also: tuple[Trail, ...] = ()


def errors(document: Document, faults: Iterable[Fault]) -> list[QxError]:
    """Each once (an aliased mapping may be visited often)."""
    found: dict[tuple[object, ...], QxError] = {}
    for fault in faults:
        place = document.key(fault.trail) if fault.on_key else document.place(fault.trail)
        message = f"{dotted(fault.trail) or 'the file'}: {fault.message}"
        same = (fault.code, place, fault.trail[-1:], fault.message)
        found.setdefault(same, QxError(fault.code, message, hint=fault.hint, place=place))
    return list(found.values())


def sound(faults: Iterable[Fault], damaged: Iterable[Trail]) -> list[Fault]:
    """Those that do not rest on a value which is damaged itself: what is wrong is said once, where it is wrong."""
    broken = tuple(damaged)
    return [
        fault for fault in faults
        if not any(trail[: len(bad)] == bad for trail in (fault.trail, *fault.also) for bad in broken)
    ]
