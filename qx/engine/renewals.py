"""Renewals: for how long this process has seen nobody renew what runs out: a writer's lease, a leader's, a witness.

A store's clock is not the only one by which they do: etcd gives each its whole time anew when it elects a leader.
A renewal was sent before anybody could read it, and who sent it rests nothing upon it `ttl` seconds after that. So who
has seen the same one for so long, by a clock that nobody sets, knows that it is over, unless a later one was granted
meanwhile: who acts on it first takes the record away at the very revision that was counted, after which none can be
(`qx.engine.acts.proving`, `qx.engine.leading`).
Never: counts from before it was read, nor what does not tell for how long it holds.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qx.model.lease import Record


class _Seen(NamedTuple):
    revision: int
    since: float
    ttl: float

    @property
    def end(self) -> float:
        return self.since + self.ttl


class Renewals:
    """`elapsed`: as of a `Clock`."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._seen: dict[str, dict[str, _Seen]] = {}  # by kind and key, the latest

    def see(self, record: Record) -> None:
        """One that the store told a moment ago."""
        of_kind = self._seen.setdefault(record.kind, {})
        before = of_kind.get(record.key)
        if before is None or before.revision < record.revision:
            ttl = float(record.value.get("ttl", math.inf))
            of_kind[record.key] = _Seen(record.revision, self._elapsed(), ttl)

    def in_force(self, standing: Iterable[Record]) -> frozenset[str]:
        """The keys of those that the store told a moment ago, and that may still bind somebody."""
        found = set()
        for record in standing:
            self.see(record)
            if not self.has_lapsed(record):
                found.add(record.key)
        return frozenset(found)

    def outlived(self, record: Record) -> float | None:
        """For how many seconds this very one was seen to stand, once that is as long as it holds; else None."""
        seen = self._seen.get(record.kind, {}).get(record.key)
        now = self._elapsed()
        if seen is None or seen.revision != record.revision or now < seen.end:
            return None
        return now - seen.since

    def has_lapsed(self, record: Record) -> bool:
        return self.outlived(record) is not None

    def next(self, kind: str, after: float) -> tuple[float, tuple[str, ...]]:
        """The earliest instant later than `after` at which any is outlived, inf for none, and the keys of those."""
        ends = {key: seen.end for key, seen in self._seen.get(kind, {}).items() if seen.end > after}
        first = min(ends.values(), default=math.inf)
        return first, tuple(key for key, end in ends.items() if end == first)
