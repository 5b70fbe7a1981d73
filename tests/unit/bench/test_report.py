"""The report says what was measured, and beside it whether the target was met."""

from __future__ import annotations

import pytest

from bench.failover.measure import Overlap
from bench.failover.report import LIMITS, report, rows, verdict
from bench.failover.results import Result


def result(system: str = "qx", fault: str = "process", run: int = 1, **more: object) -> Result:
    fields: dict[str, object] = {"outage_s": {"route": 0.5}, "lost": {"route": 0, "pinned": 0}, **more}
    return Result(system=system, fault=fault, run=run, **fields)  # type: ignore[arg-type]


def said(*results: Result, peer_lost: float | None = None) -> str:
    (row,) = rows(results)
    return verdict(row, peer_lost)


def overlap(window: float = 0.3, **stale: int) -> Overlap:
    return Overlap(old="a/1", new="b/2", stale=stale, first_s=5.0, window_s=window)


def test_a_killed_process_is_judged_by_the_median() -> None:
    runs = [result(run=run, outage_s={"route": outage}) for run, outage in enumerate((0.4, 0.5, 3.0))]
    assert said(*runs) == "met"


@pytest.mark.parametrize("fault", [fault for fault in LIMITS if fault != "process"])
def test_everything_else_is_judged_by_the_worst_run(fault: str) -> None:
    limit = LIMITS[fault]
    well = [result(fault=fault, run=run, outage_s={"route": limit - 0.1}) for run in range(4)]
    assert said(*well) == "met"
    assert said(*well, result(fault=fault, run=9, outage_s={"route": limit + 0.1})) == f"MISSED: worst <= {limit:g} s"


def test_what_does_not_recover_misses_its_target() -> None:
    assert said(result(outage_s={"route": None})) == "MISSED: did not recover"


def test_a_stale_acknowledgement_counts_through_the_route_only() -> None:
    assert said(result(fault="stop-all", overlaps=(overlap(pinned=2),))) == "met"
    assert "stale" in said(result(fault="stop-all", overlaps=(overlap(route=1),)))


def test_a_writer_that_wakes_may_acknowledge_for_half_a_second() -> None:
    assert said(result(fault="stop-all", overlaps=(overlap(0.49, pinned=9),))) == "met"
    assert "0.5 s at most" in said(result(fault="stop-all", overlaps=(overlap(0.6, pinned=9),)))


@pytest.mark.parametrize("fault", ["planned", "process", "isolate", "node", "node-and-leader"])
def test_no_other_fault_makes_two_writers(fault: str) -> None:
    assert said(result(fault=fault, overlaps=(overlap(pinned=1),))) == "MISSED: never two writers"


def test_an_isolated_region_loses_at_most_a_third_of_what_patroni_does() -> None:
    runs = [result(fault="isolate", run=run, lost={"route": count}) for run, count in enumerate((100, 190, 900))]
    assert said(*runs, peer_lost=600) == "met"
    assert said(*runs, peer_lost=300) == "MISSED: lost <= 100, a third of Patroni's"


def test_quorum_loses_nothing() -> None:
    assert "none lost" in said(result("qx-quorum", "isolate", lost={"route": 1}))


def test_a_planned_move_loses_nothing() -> None:
    assert "loses nothing" in said(result(fault="planned", lost={"route": 1}))


def test_others_have_no_target() -> None:
    assert said(result("patroni-tuned", "planned")) == ""
    assert said(result("qx-default", "node", outage_s={"route": 16.0})) == ""


def test_the_table_names_every_row_and_what_could_not_be_measured() -> None:
    text = report(
        [
            result("patroni-tuned", "isolate", outage_s={"multi-host": 15.6}, lost={"multi-host": 640, "pinned": 99}),
            result("qx", "isolate", outage_s={"multi-host": 6.1, "route": 5.9}, lost={"multi-host": 150, "route": 140}),
            result("qx", "node", error="no writer"),
            result("qx", "process", 3, outage_s={"route": None}, healed=False),
        ],
        {"repmgr": "it cannot be fetched"},
    )
    assert "repmgr was not measured: it cannot be fetched" in text
    assert "qx/node, run 1, was not measured: no writer" in text
    lines = text.splitlines()
    peer = next(line for line in lines if line.startswith("  patroni-tuned"))
    assert "15.60s" in peer
    assert "640" in peer
    assert peer.rstrip().endswith("-")
    assert sum(line.startswith("  qx ") and line.endswith("met") for line in lines) == 2
    assert any("1 never recovered; 1 not whole after it" in line for line in lines)


def test_an_error_that_was_made_good_is_not_told() -> None:
    assert "was not measured" not in report([result(error="once"), result()], {})


def test_nothing_is_said_so() -> None:
    assert report([], {}) == "nothing was measured"
