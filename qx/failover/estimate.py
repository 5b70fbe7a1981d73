"""How much would an unplanned failover lose? A range in bytes, seconds and transactions, and where it comes from.

low:  what the writer is known to have written and the target is known not to have.
high: that, plus the sample's age times the highest rate ever seen between two samples.
Without a sample young enough there is no range, only `unknown`: an estimate is never a guess.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from qx.model.plan import Loss

if TYPE_CHECKING:
    from qx.model.observation import Sample

SHORTEST_SPAN_S = 0.2  # two samples nearer than this say little about a rate
LONGEST_SPAN_S = 1.0  # and over more than this a burst is averaged away, where samples stand closer


def estimate_loss(
    samples: tuple[Sample, ...],
    writer: str,
    lineage: str,
    position: int,
    next_xid: int,
    now: float,
    oldest: float,
    *,
    replayed: bool = True,
) -> Loss:
    """Loss if the node at `position`/`next_xid` is promoted; `samples` of the cluster, any order; `oldest` in seconds.

    `replayed`: all that it received, so that `next_xid` counts everything it holds, and not only at least so much.
    """
    mine = sorted((s for s in samples if s.region == writer), key=lambda s: s.at)
    seen = [s for s in mine if s.at <= now]  # later ones are of before the clock was set back: their age is not known
    if mine and not seen:
        return unknown_loss("the clock was set back since the writer was last sampled", None, now)
    if seen and seen[-1].lineage != lineage:
        words = "the writer was last seen in another history than the target's"
        return unknown_loss(words, seen[-1].at, now)
    known = [s for s in seen if s.lineage == lineage]
    last = known[-1] if known else None
    if last is None:
        return unknown_loss("no position of the writer was ever sampled", None, now)
    if now - last.at > oldest:
        return unknown_loss(f"the last sample of the writer is older than {oldest:.0f} s", last.at, now)
    byte_rate, xid_rate = highest_rates(known)
    if byte_rate is None or xid_rate is None:
        return unknown_loss("too few samples, or too near each other, to tell a rate", last.at, now)
    age = max(0.0, now - last.at)
    furthest = max(s.position for s in mine if s.lineage == lineage)
    missing = max(0, furthest - position)
    missing_xids = max(s.next_xid for s in known) - next_xid if next_xid else 0
    high = max(0, math.ceil(furthest + age * byte_rate - position))
    behind_s = _seconds_behind(known, position, last.at)
    return Loss(
        bytes_low=missing,
        bytes_high=high,
        seconds_low=behind_s.low,
        seconds_high=None if behind_s.high is None else behind_s.high + age if high else 0.0,
        transactions_low=max(0, missing_xids) if replayed and missing else 0,
        transactions_high=max(0, math.ceil(missing_xids + age * xid_rate)),
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
    two such. Between two that tell the server's clock, that clock counts: how long the question was under way does not.
    """
    byte_rate: float | None = None
    xid_rate: float | None = None
    for number, end in enumerate(known):
        for start in reversed(known[:number]):
            span = end.at - start.at if start.clock is None or end.clock is None else end.clock - start.clock
            if span >= SHORTEST_SPAN_S:
                byte_rate = max(byte_rate or 0.0, (end.position - start.position) / span)
                xid_rate = max(xid_rate or 0.0, (end.next_xid - start.next_xid) / span)
            if span > LONGEST_SPAN_S:
                break
    return byte_rate, xid_rate


class _Behind(NamedTuple):
    low: float
    high: float | None  # None: since before the first sample


def _seconds_behind(known: list[Sample], position: int, last_at: float) -> _Behind:
    """Since when, before the last sample, the writer stood beyond `position`."""
    beyond = [s.at for s in known if s.position > position]
    within = [s.at for s in known if s.position <= position]
    if not beyond:
        return _Behind(0.0, 0.0)
    return _Behind(last_at - min(beyond), last_at - max(within) if within else None)
