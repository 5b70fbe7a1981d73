"""How the drills of a cluster went on."""

from __future__ import annotations

from typing import Any

from qx.failover.trend import trends
from qx.kernel.spans import Seconds
from qx.model.platform import Objectives
from qx.model.standing import DrillResult

GOALS = {"trading": Objectives(write_outage=Seconds(10), rto=Seconds(60))}


def drill(at: float, away: float, back: float | None = 0.1, cluster: str = "trading", **more: Any) -> DrillResult:
    given: dict[str, Any] = {"lost": 0, "met": True} | more
    return DrillResult(cluster=cluster, source="us-east", target="eu-west", at=at, away_outage_s=away,
                       back_outage_s=back, took_s=5.0, runs=(f"r{at}",), **given)  # fmt: skip


def test_the_first_is_compared_with_nothing() -> None:
    (found,) = trends((drill(1, 0.4, 0.6),), GOALS)
    assert (found.drills, found.met, found.latest_s, found.median_s, found.slower) == (1, 1, 0.6, None, False)
    assert found.limit_s == 10


def test_the_latest_beside_those_before() -> None:
    drills = (drill(4, 2.0), drill(3, 0.5), drill(2, 0.7, met=False), drill(1, 0.6, lost=2))
    (found,) = trends(drills, GOALS)
    assert (found.latest_s, found.median_s, found.best_s, found.worst_s) == (2.0, 0.6, 0.5, 2.0)
    assert (found.met, found.lost, found.slower) == (3, 2, True)


def test_a_little_slower_is_not_slower() -> None:
    assert trends((drill(3, 0.59), drill(2, 0.1), drill(1, 0.1)), GOALS)[0].slower is False  # times, but not seconds
    assert trends((drill(3, 5.4), drill(2, 4.0), drill(1, 4.0)), GOALS)[0].slower is False  # seconds, but not times


def test_only_the_last_ten_before_count() -> None:
    old = tuple(drill(n, 9.0) for n in range(20, 0, -1))
    drills = (drill(99, 2.0), *(drill(n, 1.0) for n in range(40, 30, -1)), *old)
    assert trends(drills, GOALS)[0].median_s == 1.0


def test_each_cluster_by_itself_also_one_that_is_gone() -> None:
    found = trends((drill(2, 1.0, None, cluster="gone"), drill(1, 1.0)), GOALS)
    assert [(each.cluster, each.limit_s) for each in found] == [("gone", None), ("trading", 10)]
