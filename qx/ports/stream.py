"""A stream of transactions, as one worker of a group sees it.

An entry is in somebody's hands from its delivery until it is settled. Settling is one act: what came of it is written
and it leaves the hands it was in, both or neither; of several who settle one entry exactly one writes. What a worker
that ended had in its hands is found by the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from qx.kernel.errors import QxError
from qx.model.stream import Entry, Outcome


class Away(QxError):
    """The stream cannot be worked on now; later it may be. Whatever was asked for may have happened."""


class Entries(Protocol):
    """Each raises Away, and QxError where waiting would not help."""

    async def open(self) -> None:
        """Stream and group are there, the group from the stream's first entry on. More than once does no harm."""

    async def fresh(self, count: int, block: float) -> list[Entry]:
        """Entries that nobody was given yet, at most `count`; [] when none came within `block` seconds."""

    async def stranded(self, idle: float, cursor: str) -> tuple[list[Entry], str]:
        """Of what others left in their hands for `idle` seconds at most one entry, which is now in ours, and those that
        were deleted; and where to go on, '' when all were looked at. Begin with ''.
        """

    async def hold(self, ids: Sequence[str]) -> None:
        """A sign of life: these are still in our hands."""

    async def settle(self, outcomes: Sequence[Outcome]) -> frozenset[str]:
        """Ids of those that were written; the others had been settled, or were held for too long to know. Nothing else
        is asked of it meanwhile.
        """

    async def waiting(self) -> bool:
        """Whether anything of the stream is in anybody's hands, or was given to nobody yet."""

    async def leave(self) -> None:
        """This worker's name is forgotten, if its hands are empty."""

    async def close(self) -> None: ...
