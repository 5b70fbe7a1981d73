"""What is told of guards: each node's, a writer that a person started under one, and the word given where no store was
there to hear it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from qx.model.control import Exited
from qx.model.deed import deed
from qx.model.journal import Entry, Run


class NodeGuard(Struct, frozen=True, kw_only=True):
    """A node as its control tells, or `why` it does not. The guard's fields are those of PgControl."""

    cluster: str
    region: str
    running: bool | None = None  # None: its control does not answer
    guard: str = ""  # its identity; '' none
    epoch: int = 0  # lower ones may not extend it
    left_s: float | None = None  # until its deadline; None: the server runs freely
    exited: Exited = ""  # how a server that is down ended
    held_for: str = ""  # `standby`: may start as a replica only; `stop`: may not start
    why: str = ""


class GuardStart(Struct, frozen=True, kw_only=True):
    """A cluster's writer, started by a person."""

    cluster: str
    region: str
    epoch: int
    guard: str  # its identity; '' none binds it
    already: bool  # it ran before: nothing was done
    attested: bool  # on that person's word
    run: str  # the deed in the journal; '' when nothing was done
    journalled: bool  # False: no store answered, the word waits beside it
    seen: dict[str, str]  # region -> what its node said
    follows: str  # who binds it, and when


class Attested(Struct, frozen=True, kw_only=True):
    """A person's word that no other server of the cluster writes or can, until a store hears it. `run`: of its deed.
    `epoch`: that the node remembered. `because`: why no store heard it.
    """

    run: str
    cluster: str
    region: str
    epoch: int
    by: str
    reason: str
    at: float
    because: str
    seen: dict[str, str]

    def deed(self) -> tuple[Run, tuple[Entry, ...]]:
        proof: dict[str, Any] = {
            "region": self.region, "reason": self.reason, "attested": True, "seen": self.seen, "no_store": self.because,
        }  # fmt: skip
        return deed(self.run, INTENT, (self.cluster,), self.by, self.at, proof, self.epoch)


INTENT = "guard-start"
