"""Keeps the leases of one run: acquires, renews in the background, checks before each act, releases."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Self

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from types import TracebackType

    from qx.model.lease import Lease
    from qx.ports.clock import Clock
    from qx.ports.store import Store


FRESH_S = 0.25
SILENT = "QX-STORE-005"  # the store does not answer: that says nothing of the lease


class LeaseLost(Exception):
    """Another executor took over: this one must not act, nor write, any more. No act may catch it: it is no QxError."""

    def __init__(self, cause: QxError) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Keeper:
    """`async with keeper` renews every third of the lease's time; a lost lease is found by `check`, never ignored."""

    def __init__(self, store: Store, clock: Clock, ttl: float) -> None:
        self._store, self._clock, self._ttl = store, clock, ttl
        self._leases: tuple[Lease, ...] = ()
        self._good_until = 0.0  # `Clock.elapsed`, counted from before the store was asked
        self._in_force_at: dict[str, float] = {}  # likewise, by cluster
        self._task: asyncio.Task[None] | None = None
        self._lost: QxError | None = None

    @property
    def epochs(self) -> dict[str, int]:
        return {lease.cluster: lease.epoch for lease in self._leases}

    def lease(self, cluster: str) -> Lease:
        return next(lease for lease in self._leases if lease.cluster == cluster)

    def acquire(self, clusters: tuple[str, ...], run: str) -> None:
        asked = self._clock.elapsed()
        self._leases = self._store.acquire(clusters, run, self._ttl)
        self._good_until = asked + self._ttl

    def check(self, cluster: str) -> None:
        """Raises LeaseLost unless the lease on this cluster was in force `FRESH_S` ago or since. While the store does
        not answer it is, for as long as it was granted: nobody else can have got it.
        """
        asked = self._clock.elapsed()
        if self._lost is None and asked - self._in_force_at.get(cluster, -inf) < FRESH_S:
            return
        try:
            if self._lost is not None:
                raise self._lost
            self._store.check(self.lease(cluster))
            self._in_force_at[cluster] = asked
        except QxError as error:
            if error.code == SILENT and self._lost is None and self._clock.elapsed() < self._good_until:
                return
            self._lost = error
            raise LeaseLost(error) from error

    def release(self) -> None:
        leases, self._leases = self._leases, ()
        if leases and self._lost is None:
            self._store.release(leases)

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._renew(), name="qx-lease")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _renew(self) -> None:
        pause = self._ttl / 3
        while True:
            await self._clock.sleep(pause)
            asked = self._clock.elapsed()
            try:
                self._leases = self._store.renew(self._leases, self._ttl)
            except QxError as error:
                if error.code != SILENT or self._clock.elapsed() >= self._good_until:
                    self._lost = error
                    return
                pause = self._ttl / 20
            else:
                self._good_until, pause = asked + self._ttl, self._ttl / 3
