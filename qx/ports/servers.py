"""PostgreSQL and Redis over their own protocols: one port per kind, one object per node.

Every method has the caller's deadline in seconds. Errors: QxError QX-NODE-007 when the server refused the
command in its own
words; Unsure(QX-RUN-002) when it was sent and no answer came; QxError QX-NODE-001 when it could not be sent at all.
`observe` never raises for a server's condition: it returns Silence.

Acting sessions are named `qx/<run>/<epoch>`; `expel` ends those of lower epochs, so that an executor that
was frozen finds
its open connections dead when it wakes.
"""

from __future__ import annotations

from typing import Protocol

from qx.model.observation import Marker, Observation, Silence


class Prober(Protocol):
    """Anything that can be looked at: a node or an endpoint."""

    async def observe(self, timeout: float) -> Observation | Silence: ...

    async def close(self) -> None: ...


class Beating(Prober, Protocol):
    """A server of a cluster: a Prober that can also be made to send something to its replicas."""

    async def heartbeat(self, timeout: float) -> None:
        """A writer: a few bytes that every replica receives, so that one which receives nothing has lost it. Without
        effect on anybody's data; repeated at will, and never worth an error of its own: QxError as any.
        """


class PgServer(Beating, Protocol):
    async def checkpoint(self, timeout: float) -> None: ...

    async def create_slots(self, names: tuple[str, ...], timeout: float) -> tuple[str, ...]:
        """Physical slots that reserve WAL at once; returns those that did not stand already."""

    async def drop_slots(self, names: tuple[str, ...], timeout: float) -> None:
        """Inactive ones only; a missing slot is no error."""

    async def end_senders(self, pids: tuple[int, ...], timeout: float) -> None:
        """Ends walsenders that no longer answer, so that a clean stop does not wait for them."""

    async def alter_system(self, settings: dict[str, str | None], timeout: float) -> None:
        """ALTER SYSTEM SET (None: RESET) and reload; returns when the values are in force."""

    async def set_synchronous(self, names: str, timeout: float) -> None:
        """`synchronous_standby_names`, with `synchronous_commit` at least on where there are any; returns when every
        process of the server acts by it. Sent again it does no harm: Unsure is to be met so.
        """

    async def replayed(self, timeout: float) -> tuple[int, int]:
        """(replayed position, timeline of the last replayed or received WAL); fast, for polling."""

    async def promote(self, timeout: float) -> int:
        """pg_promote without its 100 ms poll; returns the new timeline once the server takes writes."""

    async def history(self, timeline: int, timeout: float) -> tuple[tuple[int, int], ...]:
        """(parent timeline, position where it was left) of each ancestor, oldest first; () for timeline 1."""

    async def write_marker(self, marker: Marker, timeout: float, *, force: bool = False) -> None:
        """Store id and epoch into qx's own small table; refuses (QX-STORE-006) when a higher epoch of the
        same store stands there.
        """

    async def write_probe(self, timeout: float) -> int:
        """A committed write (into qx's own table); returns the WAL position after it."""

    async def expel(self, below_epoch: int, timeout: float) -> int:
        """Ends qx sessions of lower epochs; returns how many."""


class RedisServer(Beating, Protocol):
    async def replicate(self, upstream: str | None, timeout: float) -> None:
        """REPLICAOF host port, or NO ONE (None)."""

    async def relink(self, timeout: float) -> None:
        """A replica drops its link, so that it introduces itself again under the address that it now announces."""

    async def handover(self, address: str, timeout: float) -> None:
        """FAILOVER TO address TIMEOUT; returns when this server is a replica; raises QX-NODE-007 when it
        rolled back by itself.
        """

    async def settle_replicas(self, count: int, timeout: float) -> int:
        """A write of qx's own key and WAIT for `count` replicas; returns how many acknowledged."""

    async def acknowledgement(self, address: str, timeout: float) -> float | None:
        """Waits for the replica known as `address` to acknowledge unasked what qx writes to its own key. The instant of
        `Clock.elapsed()` when it did; None: it did not.
        """

    async def configure(self, settings: dict[str, str], timeout: float) -> None: ...

    async def persist(self, timeout: float) -> None:
        """CONFIG REWRITE."""

    async def save(self, timeout: float) -> None:
        """BGSAVE, and wait for its end."""

    async def write_marker(self, marker: Marker, timeout: float, *, force: bool = False) -> None: ...

    async def expel(self, below_epoch: int, timeout: float) -> int: ...
