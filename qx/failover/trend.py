"""Trend: how the drills of a cluster went, the latest beside those before it. Pure."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qx.model.platform import Objectives
    from qx.model.standing import DrillResult

BEFORE = 10  # drills that the latest is compared with
MUCH = 1.5  # times the median of those before, and
AT_LEAST_S = 0.5  # by so much, is slower


class Trend(Struct, frozen=True, kw_only=True):
    """Of one cluster. `latest_s`: the longer write outage of its last drill; `median_s`: of those before it, up to ten,
    null when there are none; `limit_s`: what its objectives allow, null for a cluster that regions.yaml no longer has.
    `lost`: transactions, over all drills. `slower`: markedly so than those before.
    """

    cluster: str
    drills: int
    met: int
    latest_s: float
    best_s: float
    worst_s: float
    median_s: float | None
    limit_s: float | None
    lost: int
    slower: bool


def trends(drills: Sequence[DrillResult], goals: Mapping[str, Objectives]) -> tuple[Trend, ...]:
    """`drills`: the latest first."""
    by: dict[str, list[DrillResult]] = {}
    for each in drills:
        by.setdefault(each.cluster, []).append(each)
    return tuple(_trend(name, of, goals.get(name)) for name, of in sorted(by.items()))


def _trend(cluster: str, drills: list[DrillResult], goals: Objectives | None) -> Trend:
    outages = [max(each.away_outage_s, each.back_outage_s or 0.0) for each in drills]
    latest, before = outages[0], outages[1 : 1 + BEFORE]
    usual = median(before) if before else None
    return Trend(
        cluster=cluster,
        drills=len(drills),
        met=sum(each.met for each in drills),
        latest_s=latest,
        best_s=min(outages),
        worst_s=max(outages),
        median_s=usual,
        limit_s=min(goals.write_outage, goals.rto) if goals is not None else None,
        lost=sum(each.lost for each in drills),
        slower=usual is not None and latest > usual * MUCH and latest - usual > AT_LEAST_S,
    )
