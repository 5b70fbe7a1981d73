"""How far is a replica behind its writer, in bytes, seconds and transactions?

Never a guess: what cannot be known is None, and `because` says why. Seconds are an upper bound on the age of the oldest
write that the replica does not show: 0 when it shows everything that the writer was seen to hold, however long ago that
was written; else the age of the last write that it replayed, or the age of the last sample of the writer that it has
reached, whichever is less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.failover.sight import lineage
from qx.kernel.spans import format_bytes, format_seconds
from qx.model.observation import PgFacts
from qx.model.topology import Lag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.failover.sight import Facts
    from qx.model.observation import RedisFacts, Sample

BRACKET_S = 10.0  # samples that enclose the moment no tighter than this do not date it


def lag(writer: Facts | None, replica: Facts, samples: Iterable[Sample], at: float) -> Lag:
    """`samples`: of the writer's positions, any order; `at`: when the replica was seen, Unix seconds."""
    if writer is None:
        return unknown_lag("no writer answers to measure against")
    if isinstance(writer, PgFacts):
        if isinstance(replica, PgFacts):
            return _postgres_lag(writer, replica, samples, at)
    elif not isinstance(replica, PgFacts):
        return _redis_lag(writer, replica, samples, at)
    return unknown_lag("it is of another kind than the writer")


def unknown_lag(because: str) -> Lag:
    return Lag(None, None, None, because)


def _postgres_lag(writer: PgFacts, replica: PgFacts, samples: Iterable[Sample], at: float) -> Lag:
    if replica.system_id != writer.system_id:
        return unknown_lag("its system id is not the writer's")
    if replica.timeline > writer.timeline:
        return unknown_lag(f"its timeline {replica.timeline} is not part of the writer's history")
    if replica.timeline < writer.timeline and replica.replayed > writer.position:
        return unknown_lag(f"it went beyond the writer on the older timeline {replica.timeline}")
    missing = max(0, writer.position - replica.replayed)
    if not missing:
        return Lag(0, 0.0, 0)
    _, shown = _since(samples, lineage(writer), replica.replayed, at)
    bounds = [bound for bound in (replica.replay_age_s, shown) if bound is not None]
    seconds = max(0.0, min(bounds)) if bounds else None
    waiting = max(0, replica.position - replica.replayed)
    if replica.replay_paused:
        because = f"replay is paused, {format_bytes(waiting)} received and not replayed"
    elif replica.timeline < writer.timeline:
        because = f"it is still on timeline {replica.timeline}, the writer on {writer.timeline}"
    elif waiting:
        because = f"{format_bytes(waiting)} received and not replayed yet"
    else:
        because = "not received yet"
    if seconds is None:
        because += "; nothing was replayed since its start that would tell the time"
    return Lag(missing, seconds, max(0, writer.next_xid - replica.next_xid), because)


def _redis_lag(writer: RedisFacts, replica: RedisFacts, samples: Iterable[Sample], at: float) -> Lag:
    if replica.replid != writer.replid and not _ancestor(writer, replica):
        return unknown_lag("its data are of another history than the writer's")
    missing = max(0, writer.offset - replica.offset)
    if not missing:
        return Lag(0, 0.0, None)
    if not replica.link_up:
        down = format_seconds(replica.link_down_s)
        return Lag(missing, float(replica.link_down_s), None, f"its link is down for {down}")
    least, most = _since(samples, writer.replid, replica.offset, at)
    if most is None or most - least > BRACKET_S:
        return Lag(missing, None, None, "Redis does not date what it sends")
    return Lag(missing, most, None, "not received yet")


def _ancestor(writer: RedisFacts, replica: RedisFacts) -> bool:
    """The replica stands on the history that the writer had before it was promoted, and not beyond that."""
    return replica.replid == writer.replid2 and replica.offset < writer.second_offset


def _since(samples: Iterable[Sample], of: str, reached: int, at: float) -> tuple[float, float | None]:
    """(least, most): how long ago the writer left position `reached`; most is None when no sample tells."""
    known = [sample for sample in samples if sample.lineage == of and sample.at <= at]
    beyond = [sample.at for sample in known if sample.position > reached]
    within = [sample.at for sample in known if sample.position <= reached]
    return (at - min(beyond) if beyond else 0.0), (at - max(within) if within else None)
