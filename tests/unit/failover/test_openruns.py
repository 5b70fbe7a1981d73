from __future__ import annotations

from typing import Any

import pytest

from qx.failover.openruns import open_run
from qx.model import plan as p
from qx.model.journal import Entry, Event, Outcome, Run, RunOutcome
from qx.model.lease import Lease

NOW = 1000.0
AT = {"cluster": "trading", "region": "us-east"}
STEPS = (
    p.Step(id="recheck", stage="trading", action=p.Recheck(**AT, writer="us-east"), because="", timeout_s=1),
    p.Step(id="close", stage="trading", action=p.CloseRoute(**AT), because="", timeout_s=1, outage=True),
    p.Step(id="fence", stage="trading", action=p.Fence(**AT, successor="eu"), because="", timeout_s=1, outage=True),
    p.Step(id="open", stage="trading", action=p.OpenRoute(**AT), because="", timeout_s=1, outage=True),
    p.Step(id="verify", stage="trading", action=p.Verify(**AT, followers=()), because="", timeout_s=1),
)
PLAN = p.Plan(
    id="plan", intent="failover", platform="x", config_file="f", made_at=0, by="ada", basis={},
    stages=(p.StagePlan(cluster="trading", kind="postgresql", source="us-east", target="eu-west", mode="planned",
                        epoch=1, lineage="", budget_s=10, estimate_outage_s=0.3, loss=None),),
    gates=(), steps=STEPS,
)  # fmt: skip
RUN = Run(id="run1", plan_id="plan", plan_digest="", intent="failover", started_at=880, by="ada",
          outcome=RunOutcome.OPEN, clusters=("trading",))  # fmt: skip


def journal(*lines: tuple[float, Event, str] | tuple[float, Event, str, Outcome]) -> tuple[Entry, ...]:
    def entry(seq: int, at: float, event: Event, step: str, outcome: Outcome | None = None) -> Entry:
        return Entry(run="run1", seq=seq, at=at, event=event, step=step, outcome=outcome)

    return tuple(entry(seq, *line) for seq, line in enumerate(lines, 1))


def intended(at: float, step: str) -> tuple[float, Event, str]:
    return at, Event.INTENDED, step


def done(at: float, step: str) -> tuple[float, Event, str, Outcome]:
    return at, Event.ENDED, step, Outcome.DONE


def undone(at: float, step: str) -> tuple[float, Event, str, Outcome]:
    return at, Event.UNDO_ENDED, step, Outcome.UNDONE


QUIESCED = (intended(890, "recheck"), done(891, "recheck"), intended(900, "close"), done(901, "close"))


@pytest.mark.parametrize(
    ("name", "lines", "stopped", "step"),
    [
        ("nothing begun", (), {}, ""),
        ("before the outage", QUIESCED[:2], {}, "recheck"),
        ("in the first step of the outage", QUIESCED[:3], {"trading": 100.0}, "close"),
        ("between two of its steps", (*QUIESCED, intended(902, "fence")), {"trading": 100.0}, "fence"),
        ("clients write again", (*QUIESCED, intended(905, "open"), done(906, "open"), intended(907, "verify")), {},
         "verify"),
        ("undone", (*QUIESCED, (910, Event.UNDOING, "close"), undone(911, "close")), {}, "close"),
        ("undone, and begun again", (*QUIESCED, undone(911, "close"), intended(920, "close")), {"trading": 80.0},
         "close"),
    ],
)  # fmt: skip
def test_since_when_clients_cannot_write(name: str, lines: Any, stopped: dict[str, float], step: str) -> None:
    found = open_run(RUN, PLAN, journal(*lines), (), NOW)
    assert (found.stopped_s, found.step) == (stopped, step), name


def test_a_run_without_a_lease_in_force_is_orphaned() -> None:
    for leases, orphaned in (
        ((), True),
        ((Lease("trading", "run1", 3, NOW + 5),), False),
        ((Lease("trading", "run1", 3, NOW - 5),), True),
        ((Lease("trading", "another", 4, NOW + 5),), True),
    ):
        assert open_run(RUN, PLAN, journal(*QUIESCED), leases, NOW).orphaned is orphaned


def test_it_names_the_command_that_resumes_it() -> None:
    found = open_run(RUN, PLAN, journal(*QUIESCED), (), NOW)
    assert (found.resume, found.last_entry_at, found.by) == ("qx runs resume run1", 901, "ada")
