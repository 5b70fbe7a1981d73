"""Admission: whether the node's memory (see `qx.adapters.node.lock`) lets a server start, as its guard asks it just
before.

Between the verb or supervisor that allowed a start and the server's first instruction lies the time in which its guard
comes up; a stop may fall into it. Invariant: a guard is known by its own memory before it asks here, and a stop forbids
first and looks for a guard then; so one of the two sees the other, and nothing starts behind a stop that succeeded.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path


class NotAdmitted(Exception):
    """The server may not start; why."""


class Admission(NamedTuple):
    """`path`: the node's memory. `epoch`: under which the start was allowed. `role`: what the server comes up as."""

    path: Path
    epoch: int
    role: str

    def check(self) -> None:
        """Raises NotAdmitted."""
        if refusal := self._refusal():
            raise NotAdmitted(refusal)

    def _refusal(self) -> str:
        try:
            told = json.loads(self.path.read_bytes())
            seen, held, incomplete = int(told["epoch"]), str(told["held_for"]), str(told["incomplete"])
        except FileNotFoundError:
            return ""
        except (OSError, ValueError, KeyError, TypeError) as error:
            return f"{self.path} cannot be read: {error!r}"
        if seen > self.epoch:
            return f"epoch {self.epoch} was allowed to start it, the node has seen {seen} since"
        if held == "stop" or (held == "standby" and self.role == "writer"):
            return f"it is held for {held} under epoch {seen}"
        return f"a {incomplete} has begun to replace the data" if incomplete else ""
