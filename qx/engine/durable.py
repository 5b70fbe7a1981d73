"""The record of durability `quorum` in the store: read, and written only over the revision that was read.

Whoever writes it holds the cluster's lease. Never: written from what somebody else read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from qx.model.standing import Durable

if TYPE_CHECKING:
    from qx.model.standing import Way
    from qx.ports.clock import Clock
    from qx.ports.store import Store


class Ledger:
    def __init__(self, store: Store, clock: Clock, cluster: str) -> None:
        self._store, self._clock, self._cluster = store, clock, cluster
        self._revision = 0

    def read(self) -> tuple[Way, ...]:
        """() when nothing is recorded."""
        found = self._store.record(Durable.KIND, self._cluster)
        self._revision = 0 if found is None else found.revision
        return () if found is None else msgspec.convert(found.value, Durable).ways

    def write(self, ways: tuple[Way, ...], epoch: int) -> None:
        """No way: dropped. Raises Refused QX-STORE-008 when somebody else has written since it was read."""
        if not ways:
            self._store.drop(Durable.KIND, self._cluster, expect=self._revision)
            return
        value = Durable(cluster=self._cluster, ways=ways, epoch=epoch, at=self._clock.now())
        put = self._store.put(Durable.KIND, self._cluster, msgspec.to_builtins(value), expect=self._revision)
        self._revision = put.revision
