"""The table of what was measured: min, median and max of the outage, losses, stale acknowledgements, and the targets.

Pure. A row is one system, one fault and one way to the writer; what its pinned clients saw stands beside it. Targets
are those of profile `fast`; `process` is judged by its median, all others by their worst run.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from bench.failover.faults import FAULTS, WORDS
from bench.failover.schedule import SYSTEMS
from qx.config.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.failover.results import Result

FAST = PROFILES["fast"]
ELECTION_S = 2.0  # of etcd with its own defaults: a timeout of 1 to 2 s, then the votes
PEER = "patroni-tuned"
SHARE_OF_PEER = 3
TARGETED = ("qx", "qx-quorum")
FROZEN = ("stop-server", "stop-all")
AWAKE_S = 0.5  # a pinned client of a server that was frozen with its guard may be acknowledged for so long

LIMITS: dict[str, float] = {
    "planned": 0.5,
    "process": 0.6,
    "stop-server": FAST["hang_after"] + 1,
    "stop-all": FAST["ttl"] + 2,
    "node": FAST["ttl"] + 1,
    "node-and-leader": FAST["ttl"] + 1 + ELECTION_S,
}
BEFORE: dict[str, str] = {
    "planned": "2.5 s", "process": "2.4 s", "stop-all": "22.7 s", "node": "20.3 s", "isolate": "603-691 lost",
}  # fmt: skip
"""What tuned Patroni 4.1.5 was measured at before, on a machine with two cores."""


class Row(NamedTuple):
    system: str
    fault: str
    path: str
    results: tuple[Result, ...]  # those that were measured

    @property
    def outages(self) -> list[float | None]:
        return [each.outage_s.get(self.path) for each in self.results]

    @property
    def lost(self) -> list[int]:
        return [each.lost.get(self.path, 0) for each in self.results]

    @property
    def stale(self) -> int:
        return sum(each.stale(self.path) for each in self.results)

    @property
    def two_writers(self) -> int:
        """In how many runs two servers acknowledged at the same time, to whomever."""
        return sum(1 for each in self.results if each.overlaps)

    @property
    def longest_window(self) -> float:
        return max((overlap.window_s for each in self.results for overlap in each.overlaps), default=0.0)


def rows(results: Sequence[Result]) -> list[Row]:
    """In the order of the faults and of the schedule; the latest of results that have the same name counts."""
    latest = {(each.system, each.fault, each.run): each for each in results if not each.error}
    found: dict[tuple[str, str, str], list[Result]] = defaultdict(list)
    for result in latest.values():
        for path in result.outage_s:
            found[result.system, result.fault, path].append(result)
    names = list(SYSTEMS)
    ordered = sorted(found, key=lambda key: (FAULTS.index(key[1]), names.index(key[0]), key[2]))
    return [Row(system, fault, path, tuple(found[system, fault, path])) for system, fault, path in ordered]


def verdict(row: Row, peer_lost: float | None) -> str:
    """'met', 'MISSED' with what was missed, or '' where there is no target. `peer_lost`: the median of tuned Patroni's
    losses in the same place, where it was measured.
    """
    if row.system not in TARGETED or not row.results:
        return ""
    missed = list(_missed(row, peer_lost))
    return f"MISSED: {', '.join(missed)}" if missed else "met"


def _missed(row: Row, peer_lost: float | None) -> Iterator[str]:
    limit = LIMITS.get(row.fault)
    if limit is not None:
        known = [outage for outage in row.outages if outage is not None]
        if len(known) < len(row.outages):
            yield "did not recover"
        elif (statistics.median(known) if row.fault == "process" else max(known)) > limit:
            yield f"{'median' if row.fault == 'process' else 'worst'} <= {limit:g} s"
    if row.path == "route" and row.stale:
        yield "a stale acknowledgement through the Route"
    if row.fault == "planned" and any(row.lost):
        yield "a planned move loses nothing"
    if row.fault in FROZEN:
        if row.longest_window > AWAKE_S:
            yield f"a writer that wakes acknowledges for {AWAKE_S:g} s at most"
    elif row.two_writers:
        yield "never two writers"
    if row.fault == "isolate":
        if row.system == "qx-quorum" and any(row.lost):
            yield "none lost in quorum"
        allowed = None if peer_lost is None else peer_lost / SHARE_OF_PEER
        if allowed is not None and statistics.median(row.lost) > allowed:
            yield f"lost <= {allowed:.0f}, a third of Patroni's"


def report(results: Sequence[Result], missing: dict[str, str]) -> str:
    """For people."""
    found = rows(results)
    lines = [f"{name} was not measured: {why}" for name, why in missing.items()]
    failed = [each for each in results if each.error]
    if not found:
        return "\n".join([*lines, *_failures(failed, results), "nothing was measured"])
    peer = [row for row in found if (row.system, row.fault) == (PEER, "isolate")]
    peer_lost = statistics.median(peer[0].lost) if peer else None
    for fault in FAULTS:
        of_fault = [row for row in found if row.fault == fault]
        if of_fault:
            limit = f"; target {_limit(fault)}" if _limit(fault) else ""
            before = f"; tuned Patroni before: {BEFORE[fault]}" if fault in BEFORE else ""
            lines += ["", f"{WORDS[fault]}{limit}{before}", _HEAD]
            lines += [_line(row, verdict(row, peer_lost)) for row in of_fault]
    loads = [each.load for row in found for each in row.results]
    noise = [each.noise_s for row in found for each in row.results]
    versions = {name: told for each in results for name, told in each.versions.items()}
    lines += [
        "",
        *_LEGEND,
        f"load {min(loads):.1f} to {max(loads):.1f}",
        f"gap while nothing was done: median {statistics.median(noise):.3f} s, worst {max(noise):.3f} s",
        *(f"{name}: {told}" for name, told in sorted(versions.items())),
        *_failures(failed, results),
    ]
    return "\n".join(lines)


_LEGEND = """\
outage: between two acknowledgements to a path's clients (100 rows/s); lost: acknowledged to them, missing in the end;
pinned: the same for clients that never leave their server (20 rows/s each);
stale: acknowledged by an old writer after a new one; two writers: runs in which that happened, and for how long
""".splitlines()

_HEAD = (
    f"  {'':<15}{'path':<12}{'runs':>5}{'min':>9}{'median':>9}{'max':>9}{'lost':>14}{'stale':>7}"
    f"{'pinned lost':>13}{'stale':>7}{'two writers':>15}"
)


def _line(row: Row, said: str) -> str:
    known = [outage for outage in row.outages if outage is not None]
    never = len(row.outages) - len(known)
    figures = (min(known), statistics.median(known), max(known)) if known else ()
    gaps = "".join(f"{figure:>8.2f}s" for figure in figures) or f"{'never':>27}"
    pinned = row._replace(path="pinned")
    two = f"{row.two_writers} of {len(row.results)}" if row.two_writers else "-"
    window = f", {row.longest_window:.1f}s" if row.two_writers else ""
    unhealed = sum(1 for each in row.results if not each.healed)
    notes = [said, f"{never} never recovered" if never else "", f"{unhealed} not whole after it" if unhealed else ""]
    return (
        f"  {row.system:<15}{row.path:<12}{len(row.results):>5}{gaps}{_span(row.lost):>14}{row.stale:>7}"
        f"{_span(pinned.lost):>13}{pinned.stale:>7}{two + window:>15}  {'; '.join(filter(None, notes))}"
    ).rstrip()


def _span(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low}-{high}"


def _limit(fault: str) -> str:
    if fault == "isolate":
        return f"never two writers, at most 1/{SHARE_OF_PEER} of tuned Patroni's losses, none in quorum"
    return f"{LIMITS[fault]:g} s" + (" in the median" if fault == "process" else "")


def _failures(failed: Sequence[Result], results: Sequence[Result]) -> Iterator[str]:
    good = {(each.system, each.fault, each.run) for each in results if not each.error}
    for each in failed:
        if (each.system, each.fault, each.run) not in good:
            yield f"{each.system}/{each.fault}, run {each.run}, was not measured: {each.error}"
