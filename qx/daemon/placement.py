"""Placement: keeps the leader of etcd out of the regions that have a writer, and knows whether etcd can be relied on.

Whoever loses the writer's region would else lose the leader of etcd with it, and wait for an election before the lease
begins to run out. Members are named after their regions; one of another name is left where it is. Only the controller
that leads moves anything, and only where every answer says that it can be moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.adapters.etcd.store import EtcdStore
    from qx.app.workbench import Workbench
    from qx.daemon.log import Log


class Placement:
    """`leads`: whether it is for this controller to act. `unsafe`: why nobody may act unasked, '' when nothing is known
    to stand against it.
    """

    def __init__(self, bench: Workbench, every: float, leads: Callable[[], bool], log: Log) -> None:
        self._bench, self._every, self._leads, self._log = bench, every, leads, log
        self.unsafe = ""

    async def keep(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self._bench.apart(self.look)
            except QxError as error:
                self._log.tell("error", code=error.code, message=error.message)
            await self._bench.clock.sleep(self._every)

    def look(self) -> None:
        """Asks every member; moves the leader if it has to be. Raises QX-STORE-005."""
        from qx.adapters.etcd.health import condition, move_leader
        from qx.app.etcd import unsafe

        store: EtcdStore = self._bench.store  # type: ignore[assignment]  # made only where the store is etcd
        found = condition(store.gateway)
        self.unsafe = unsafe(self._bench.platform, found)
        writers = {rule.writer for rule in store.rules().values() if rule.writer is not None}
        at = found.members.get(found.leader.id, "") if found.leader is not None else ""
        if at not in writers or not self._leads():
            return
        to = move_leader(store.gateway, at, writers)
        if to:
            self._log.tell("etcd-leader", moved_from=at, to=to, because=f"{at} has a writer")
