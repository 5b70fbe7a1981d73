"""SimGuard: the guard of a simulated server: the real `Duty`, over virtual time.

It ends the server with itself, ends it when its time is over, and can be frozen, alone or with its server: then it
looks at the deadline when it wakes, and the server may have been awake for a moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.adapters.guard.duty import Denied, Duty
from qx.adapters.guard.duty import Term as Ticks
from qx.kernel.errors import QxError, Refused

if TYPE_CHECKING:
    from qx.model.control import Term
    from tests.fakes.nodes import Node

WAKES_S = 0.3  # at most, after its server
QUIT_S = 0.03  # a server needs to end at once


class SimGuard:
    def __init__(self, node: Node, epoch: int, term: Term | None) -> None:
        self.id = f"{node}/{node.incarnation}"
        self.duty = Duty(epoch, None if term is None else _ticks(term))
        self.frozen = self._pauses = False
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
        self._node.loose = False
        self.look()
        return self.id

    @property
    def is_due(self) -> bool:
        """Its deadline has passed, whether it knows or not."""
        return self.duty.due(self._simulation.now) != ""

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
        if self.frozen:
            self._simulation.after(self._simulation.random.uniform(0.0, WAKES_S), self._wake)

    def _wake(self) -> None:
        self.frozen = False
        self.look()

    def look(self) -> None:
        if self.frozen or self._node.guard is not self:
            return
        now = self._simulation.now
        due = self.duty.due(now)
        if due == "kill" or (due and self._pauses):
            self._expire()
        elif due == "quit":
            self._node.later(QUIT_S, self._expire)
        else:
            self._stand(now)
        at = self.duty.next(now)
        if at is not None and due != "kill":
            self._simulation.after(at - now, self.look)

    def _stand(self, now: float) -> None:
        pauses = self.duty.pauses(now)
        if pauses and not self._pauses:
            self._node.freeze()
        elif self._pauses and not pauses:
            self._node.thaw()
        self._pauses = pauses

    def _expire(self) -> None:
        if self._node.guard is self:
            self._node.end_process()
            self._node.exited = "expired"
            self._node.on_expiry()


def _ticks(term: Term) -> Ticks:
    return Ticks(term.sent, term.until, term.margin, term.paused)
