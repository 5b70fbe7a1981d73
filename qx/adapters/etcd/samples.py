"""Position samples: a ring of places per node, so that they are bounded and each costs one small write.

    samples/<cluster>/<place>/<region>   the sample seen there in this tenth of a second, modulo ten minutes

Bounded by number, not by age: a clock that jumps overwrites single samples and throws away none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from qx.adapters.etcd.space import Put, Reading, Space
from qx.model.observation import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACES = 6000
PER_SECOND = 10
AHEAD_S = 60.0  # a clock elsewhere may be ahead by this much and its samples are still found


def keep(space: Space, samples: tuple[Sample, ...]) -> None:
    space.blind({f"{_ring(s.cluster)}{_place(s.at):04d}/{s.region}": Put(s) for s in samples})


def since(space: Reading, cluster: str, at: float) -> tuple[Sample, ...]:
    """Oldest first."""
    found = (
        kept.read(Sample, f"a sample of {cluster}")
        for first, end in places(cluster, at, space.now())
        for kept in space.between(first, end).values()
    )
    return tuple(sorted((s for s in found if s.at >= at), key=lambda s: s.at))


def places(cluster: str, at: float, now: float) -> Iterator[tuple[str, str]]:
    """Where those since `at` stand: from a key to before another."""
    for first, end in stretches(at, now + AHEAD_S):
        yield f"{_ring(cluster)}{first:04d}/", f"{_ring(cluster)}{end:04d}/"


def stretches(first: float, last: float) -> Iterator[tuple[int, int]]:
    """The places from `first` to `last` as pieces of the ring that do not run over its end."""
    if not 0 <= last - first < (PLACES - 1) / PER_SECOND:
        yield 0, PLACES
    elif _place(first) <= _place(last):
        yield _place(first), _place(last) + 1
    else:
        yield _place(first), PLACES
        yield 0, _place(last) + 1


def _place(at: float) -> int:
    return int(at * PER_SECOND) % PLACES


def _ring(cluster: str) -> str:
    return f"samples/{quote(cluster, safe='')}/"
