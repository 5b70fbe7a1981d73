"""How much would an unplanned failover lose? A range in bytes, seconds and transactions, and where it comes from.

low:  what the writer is known to have written and the target is known not to have.
high: that, plus the sample's age times the highest rate ever seen between two samples.
Without a sample young enough there is no range, only `unknown`: an estimate is never a guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.model.plan import Loss

if TYPE_CHECKING:
    from qx.model.observation import Sample

SHORTEST_SPAN_S = 0.2  # two samples nearer than this say little about a rate


def estimate_loss(
    samples: tuple[Sample, ...],
    writer: str,
    lineage: str,
    position: int,
    next_xid: int,
    now: float,
    oldest: float,
) -> Loss:
    """Loss if the node at `position`/`next_xid` is promoted; `samples` of the cluster, any order; `oldest`
    in seconds.
    """
    known = sorted((s for s in samples if s.region == writer and s.lineage == lineage), key=lambda s: s.at)
    last = known[-1] if known else None
    if last is None:
        return unknown_loss("no position of the writer was ever sampled", None, now)
    if now - last.at > oldest:
        return unknown_loss(f"the last sample of the writer is older than {oldest:.0f} s", last.at, now)
    byte_rate, xid_rate = highest_rates(known)
    if byte_rate is None or xid_rate is None:
        return unknown_loss("a single sample tells no rate", last.at, now)
    age = max(0.0, now - last.at)
    furthest = max(s.position for s in known)
    missing = max(0, furthest - position)
    missing_xids = max(0, max(s.next_xid for s in known) - next_xid) if next_xid else 0
    high = max(0, round(furthest + age * byte_rate - position))
    behind_s = _seconds_behind(known, position, last.at)
    return Loss(
        bytes_low=missing,
        bytes_high=high,
        seconds_low=0.0 if not missing else behind_s[0],
        seconds_high=0.0 if not high else behind_s[1] + age,
        transactions_low=missing_xids,
        transactions_high=missing_xids + round(age * xid_rate + 0.5) if high else missing_xids,
        sample_at=last.at,
        sample_age_s=age,
        because=f"last sample {age:.1f} s ago at {furthest}, target at {position}, at most {byte_rate:,.0f} B/s seen",
    )


def unknown_loss(because: str, sample_at: float | None, now: float) -> Loss:
    return Loss(
        bytes_low=None,
        bytes_high=None,
        seconds_low=None,
        seconds_high=None,
        transactions_low=None,
        transactions_high=None,
        sample_at=sample_at,
        sample_age_s=None if sample_at is None else max(0.0, now - sample_at),
        because=because,
    )


def nothing_lost(because: str) -> Loss:
    """The loss of a planned move: none, by construction."""
    return Loss(
        bytes_low=0,
        bytes_high=0,
        seconds_low=0.0,
        seconds_high=0.0,
        transactions_low=0,
        transactions_high=0,
        sample_at=None,
        sample_age_s=None,
        because=because,
    )


def highest_rates(known: list[Sample]) -> tuple[float | None, float | None]:
    """The highest bytes/s and transactions/s between samples at least `SHORTEST_SPAN_S` apart; None without
    two such.
    """
    byte_rate: float | None = None
    xid_rate: float | None = None
    start = 0
    for end in range(1, len(known)):
        while start < end - 1 and known[end].at - known[start + 1].at >= SHORTEST_SPAN_S:
            start += 1
        span = known[end].at - known[start].at
        if span < SHORTEST_SPAN_S:
            continue
        byte_rate = max(byte_rate or 0.0, (known[end].position - known[start].position) / span)
        xid_rate = max(xid_rate or 0.0, (known[end].next_xid - known[start].next_xid) / span)
    return byte_rate, xid_rate


def _seconds_behind(known: list[Sample], position: int, last_at: float) -> tuple[float, float]:
    """(low, high): since when, before the last sample, the writer stood beyond `position`."""
    beyond = [s.at for s in known if s.position > position]
    within = [s.at for s in known if s.position <= position]
    if not beyond:
        return 0.0, 0.0
    return last_at - min(beyond), last_at - (max(within) if within else known[0].at)
