"""Control of a node beside its server: files and processes. One port, several drivers, one contract suite.

Every acting call carries the epoch; a driver refuses an epoch lower than the highest that the node has seen
(QX-NODE-002)
and remembers a higher one durably, under a lock on the node, before it acts. QX-NODE-001: the control cannot
be reached.
A stopped server is one with no process left of its data directory (zombies do not count), not one whose port is closed.
"""

from __future__ import annotations

from typing import Any, Literal, Protocol

from qx.model.control import Control


class NodeControl(Protocol):
    async def inspect(self, timeout: float) -> Control: ...

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

    async def start(self, epoch: int, role: Literal["writer", "replica"], timeout: float) -> Control:
        """Starts the server and returns when it accepts connections (a replica: hot standby). Refuses
        (QX-NODE-002) against the hold.
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
