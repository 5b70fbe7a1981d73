"""SimGuard: the guard of a simulated server: the real `Duty`, over virtual time.

It ends the server with itself, ends it when its time is over, and can be frozen, alone or with its server.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from qx.adapters.guard.duty import Denied, Duty
from qx.adapters.guard.duty import Term as Ticks
from qx.kernel.errors import QxError, Refused

if TYPE_CHECKING:
    from qx.model.control import Term
    from tests.fakes.nodes import Node

_numbers = itertools.count(1)


class SimGuard:
    def __init__(self, node: Node, epoch: int, term: Term | None) -> None:
        self.id = f"boot/{next(_numbers)}/1"
        self.duty = Duty(epoch, None if term is None else _ticks(term))
        self.frozen = False
        self._node, self._simulation = node, node.simulation

    def extend(self, epoch: int, term: Term | None) -> str:
        """As the client of a real one: QX-NODE-002, QX-NODE-011."""
        now = self._simulation.now
        try:
            if term is None:
                self.duty.disarm(epoch, now)
            else:
                self.duty.extend(epoch, _ticks(term), now)
        except Denied as denied:
            if denied.why == "epoch":
                raise Refused("QX-NODE-002", str(denied)) from denied
            raise QxError("QX-NODE-011", str(denied)) from denied
        self.look()
        return self.id

    @property
    def left(self) -> float | None:
        return self.duty.left(self._simulation.now)

    def kill(self) -> None:
        """SIGKILL: it leaves no word of how its server ended."""
        self._node.end_process()
        self._node.exited = ""

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        """Its first look is at the deadline."""
        self.frozen = False
        self.look()

    def look(self) -> None:
        if self.frozen or self._node.guard is not self:
            return
        now = self._simulation.now
        due = self.duty.due(now)
        if due == "quit":
            self._node.when_awake(self._expire)
        elif due == "kill":
            self._expire()
        at = self.duty.next(now)
        if at is not None and due != "kill":
            self._simulation.after(at - now, self.look)

    def _expire(self) -> None:
        if self._node.guard is self:
            self._node.end_process()
            self._node.exited = "expired"


def _ticks(term: Term) -> Ticks:
    return Ticks(term.sent, term.until, term.margin)
