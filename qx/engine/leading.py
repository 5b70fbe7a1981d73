"""Leadership: which of several controllers does what only one should do, by a record that runs out.

It saves work twice done and no more: what must not be done twice is guarded by leases and epochs. Who leads counts from
before it campaigned, and does not lead any more when `ttl` has passed since its last campaign that was won. The others
count from when they first saw that one, and need not wait for a store that gives it its whole time anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.errors import Refused

if TYPE_CHECKING:
    from qx.engine.renewals import Renewals
    from qx.model.lease import Record
    from qx.ports.store import Store

KIND = "leader"


class Leadership:
    """`holder` names this candidate and no other; `ttl` in seconds: campaign again before a third of it has passed;
    `renewals`: what this process has seen.
    """

    def __init__(self, store: Store, holder: str, ttl: float, renewals: Renewals, office: str = "daemon") -> None:
        self._store, self._name, self._ttl, self._office = store, holder, ttl, office
        self._renewals = renewals

    def campaign(self) -> bool:
        """Whether it leads: won, or extended. Raises QX-STORE-005."""
        found = self._store.record(KIND, self._office)
        if found is not None and not self._mine(found) and self._renewals.in_force((found,)):
            return False
        value = {"holder": self._name, "ttl": self._ttl}
        try:
            self._store.put(KIND, self._office, value, expect=found.revision if found else 0, ttl=self._ttl)
        except Refused:
            return False
        return True

    def resign(self) -> None:
        """At once another may lead. Does nothing to one who does."""
        found = self._store.record(KIND, self._office)
        if found is None or not self._mine(found):
            return
        try:
            self._store.drop(KIND, self._office, expect=found.revision)
        except Refused:
            return

    def holder(self) -> str | None:
        """Who leads."""
        found = self._store.record(KIND, self._office)
        return str(found.value["holder"]) if found else None

    def _mine(self, record: Record) -> bool:
        return bool(record.value["holder"] == self._name)
