"""What a run's acknowledgements say: the longest gap, what was lost, who acknowledged when he should not have. Pure.

Instants are seconds of one monotonic clock. An identity is (server address, timeline): a promotion makes a new one.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

SETTLED_S = 1.0
"""A path that was not acknowledged in its last second has not recovered."""


class Ack(NamedTuple):
    """`writer` and `seq` name the row. `at`: when the client knew."""

    at: float
    writer: int
    seq: int
    node: str
    timeline: int

    @property
    def row(self) -> tuple[int, int]:
        return self.writer, self.seq

    @property
    def identity(self) -> tuple[str, int]:
        return self.node, self.timeline


class Overlap(Struct, frozen=True, kw_only=True):
    """Two writers: `old` acknowledged after `new`, of a later timeline, had begun to.

    `stale`: how often, by path. `window_s`: from the first to the last of these; what a frozen server slept through is
    not in it.
    """

    old: str
    new: str
    stale: dict[str, int]
    first_s: float  # after the fault
    window_s: float


def outage(acks: Iterable[Ack], fault: float, end: float) -> float | None:
    """The longest time between two acknowledgements in a row of which the later came after `fault`, in seconds.

    None: it had not recovered by `end`, or never wrote.
    """
    instants = sorted(ack.at for ack in acks)
    if not instants or instants[-1] <= fault or end - instants[-1] > SETTLED_S:
        return None
    return max((later - earlier for earlier, later in pairwise(instants) if later > fault), default=0.0)


def quiet_gap(acks: Iterable[Ack], since: float, until: float) -> float:
    """The longest gap while nothing was done: the machine's own noise."""
    instants = sorted(ack.at for ack in acks if since <= ack.at <= until)
    return max((later - earlier for earlier, later in pairwise(instants)), default=0.0)


def lost(acks: Iterable[Ack], stored: AbstractSet[tuple[int, int]]) -> int:
    """Rows that were acknowledged and that the last writer does not have."""
    return len({ack.row for ack in acks} - stored)


def promoted(paths: Sequence[Iterable[Ack]], fault: float) -> float | None:
    """Seconds from the fault until an identity that had not written before it acknowledged. None: there was none."""
    acks = sorted(ack for path in paths for ack in path)
    before = {ack.identity for ack in acks if ack.at <= fault}
    return next((ack.at - fault for ack in acks if ack.at > fault and ack.identity not in before), None)


def overlaps(paths: Mapping[str, Sequence[Ack]], fault: float) -> tuple[Overlap, ...]:
    """Every pair of identities on different servers that wrote at the same time, oldest first."""
    began: dict[tuple[str, int], float] = {}
    every = sorted((ack.at, name, ack) for name, acks in paths.items() for ack in acks)
    for at, _, ack in every:
        began.setdefault(ack.identity, at)
    found = []
    for old in sorted(began, key=lambda identity: identity[1]):
        newer = [other for other in began if other[1] > old[1] and other[0] != old[0]]
        if not newer:
            continue
        new = min(newer, key=lambda identity: began[identity])
        stale: dict[str, int] = defaultdict(int)
        instants = []
        for at, name, ack in every:
            if ack.identity == old and at > began[new]:
                stale[name] += 1
                instants.append(at)
        if instants:
            found.append(
                Overlap(
                    old=f"{old[0]}/{old[1]}",
                    new=f"{new[0]}/{new[1]}",
                    stale=dict(stale),
                    first_s=instants[0] - fault,
                    window_s=instants[-1] - instants[0],
                )
            )
    return tuple(found)
