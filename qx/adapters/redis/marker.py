"""qx's own two keys in a Redis cluster: who rules it (`qx:control`, a hash), and one to prove that it takes writes.

Invariants: an epoch never falls; another store's marker is replaced only when forced; what was read is what is replaced
(WATCH: scripts are a module in newer Valkey, and may be missing).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.adapters.answer import Declined, ruled
from qx.model.observation import Marker

if TYPE_CHECKING:
    from qx.adapters.redis.session import Session
    from qx.ports.clock import Clock

KEY = "qx:control"
PROBE = "qx:probe"

_TRIES = 5  # against others that write at the same time


def marker_of(fields: dict[str, str]) -> Marker | None:
    """None when it is not there, or is not ours."""
    try:
        return Marker(fields["store_id"], int(fields["epoch"]), fields["writer"])
    except (KeyError, ValueError):
        return None


async def write_marker(session: Session, clock: Clock, marker: Marker, timeout: float, *, force: bool) -> None:
    """Raises QX-STORE-003 (another store's, unless forced) and QX-STORE-006 (a higher epoch, forced or not)."""
    deadline = clock.elapsed() + timeout
    fields = ("store_id", marker.store_id, "epoch", marker.epoch, "writer", marker.writer, "at", f"{clock.now():.3f}")
    for _ in range(_TRIES):
        _, found = await session.ask_all(("WATCH", KEY), ("HGETALL", KEY), timeout=deadline - clock.elapsed())
        standing = None if isinstance(found, Declined) else marker_of(dict(zip(found[::2], found[1::2], strict=True)))
        if standing is not None and (
            standing.epoch > marker.epoch or (standing.store_id != marker.store_id and not force)
        ):
            await session.ask("UNWATCH", timeout=deadline - clock.elapsed())
            raise ruled(session.node, marker, standing.store_id, standing.epoch, force=force)
        *queued, done = await session.ask_all(
            ("MULTI",), ("DEL", KEY), ("HSET", KEY, *fields), ("EXEC",), timeout=deadline - clock.elapsed()
        )
        for answer in (*queued, done):
            if isinstance(answer, Declined):
                raise answer
        if done is not None:
            return
    raise Declined(session.node, "", f"{KEY} is written by others all the time", hint="see who writes it: MONITOR")
