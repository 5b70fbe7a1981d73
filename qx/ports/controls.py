"""Control of a node beside its server: files and processes. One port, several drivers, one contract suite.

Every acting call carries the epoch; a driver refuses an epoch lower than the highest that the node has seen
(QX-NODE-002)
and remembers a higher one durably, under a lock on the node, before it acts. QX-NODE-001: the control cannot
be reached.
A stopped server is one with no process left of its data directory (zombies do not count), not one whose port is closed.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from qx.kernel.errors import QxError
from qx.model.control import Control, Term


class Unwatched(QxError):
    """QX-NODE-001: the controller that would do it beside the node does not run; nothing was asked."""


class NodeControl(Protocol):
    async def inspect(self, timeout: float) -> Control: ...

    async def answers(self, timeout: float) -> bool:
        """Whether the server says anything to a new connection, asked beside it: one that hangs does not."""

    async def pin(self, epoch: int, upstream: str, timeout: float) -> None:
        """Make a later start come up as a replica: standby.signal (PostgreSQL), `replicaof` in the
        configuration file (Redis).

        `upstream`: host:port for Redis; libpq conninfo or '' for PostgreSQL (then only the signal is placed).
        Idempotent; may be done while the server runs, which it does not disturb.
        """

    async def unpin(self, epoch: int, timeout: float) -> None: ...

    async def hold(self, epoch: int, purpose: Literal["standby", "stop", ""], timeout: float) -> None:
        """The start lock: '' lifts it. Under 'standby' the start path starts a replica only, under 'stop' nothing."""

    async def stop(self, epoch: int, mode: Literal["clean", "kill"], timeout: float) -> Control:
        """Returns what `inspect` then sees: no process left. 'clean' is PostgreSQL's fast mode, Redis'
        SHUTDOWN with saving.
        """

    async def start(
        self, epoch: int, role: Literal["writer", "replica"], timeout: float, term: Term | None = None
    ) -> Control:
        """Starts the server and returns when it accepts connections (a replica: hot standby). Refuses
        (QX-NODE-002) against the hold.

        With a `term` it is bound by it before its first write, or is not left running (QX-NODE-011).
        """

    async def extend(self, epoch: int, term: Term | None, timeout: float) -> str:
        """The running server's guard ends it when this term is over; None: it runs freely again (a cluster that is
        disarmed). In force when it returns the guard's identity.

        Needs no turn: it is not held up by a verb that acts. A term that was sent before the one in force changes
        nothing. Raises Refused QX-NODE-002 for a lower epoch; QX-NODE-011 when no guard is there, or the term is over
        or overtaken; Unsure QX-RUN-002 when the guard did not answer: then the old or the new one is in force.
        """

    async def follow(self, epoch: int, conninfo: str, slot: str, timeout: float) -> None:
        """Stopped node: rewrite its upstream (postgresql.auto.conf and standby.signal; Redis: replicaof)."""

    async def salvage(
        self, epoch: int, fork: int, timeline: int, into: str, fork_xid: int, timeout: float
    ) -> dict[str, Any]:
        """Stopped node: keep what lies beyond `fork`; returns the manifest (files with digests, commits,
        relations, tables).
        """

    async def rewind(self, epoch: int, conninfo: str, timeout: float) -> dict[str, Any]:
        """pg_rewind against a running upstream, own settings kept. Raises QX-NODE-006 when it cannot be done."""

    async def clone(self, epoch: int, conninfo: str, slot: str, timeout: float) -> dict[str, Any]:
        """Replace the data by a base backup of the upstream (Redis: the data are dropped, a full sync follows)."""
