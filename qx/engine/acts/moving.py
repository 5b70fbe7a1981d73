"""Subplan: a move within a runbook, planned when its turn comes, run by the same engine as a run of its own.

Invariant: the inner run's id stands in the store before it begins, so that whoever goes on with the outer run goes on
with that one, and never begins a second beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import Struct

from qx.engine import records
from qx.engine.acts import Settled
from qx.engine.conditions import proven
from qx.kernel.errors import QxError, Refused, Unsure
from qx.kernel.ids import sortable_id
from qx.model.journal import RunOutcome
from qx.model.plan import Plan

if TYPE_CHECKING:
    from qx.engine.world import Doing
    from qx.model import asked

WENT_WELL = (RunOutcome.DONE, RunOutcome.DEGRADED)
ENDED_BADLY = (RunOutcome.UNDONE, RunOutcome.FAILED, RunOutcome.PARTIAL)


class Inner(Struct, frozen=True, kw_only=True):
    """The run that a step of another one began. Key: <outer run>/<step>."""

    KIND: ClassVar[str] = "inner-run"
    run: str


class Subplan:
    async def perform(self, action: asked.Subplan, doing: Doing) -> dict[str, Any]:
        """A run that was begun is gone on with; one that ended badly is history, and it is planned anew."""
        store, means = doing.world.store, doing.world.means
        outcome = _outcome_of(begun := _begun(doing), doing)
        if begun and outcome in WENT_WELL:
            return _proof(begun, outcome)
        if begun and outcome in (RunOutcome.OPEN, RunOutcome.STUCK):
            return _came_to(begun, await means.resume(begun, doing.stopped, doing.timeout))
        plan = await means.plan(action)
        if plan is None or (isinstance(plan, Plan) and not plan.steps):
            return {"nothing_to_do": True, "verb": action.verb}
        if not isinstance(plan, Plan):
            failing = [gate for gate in plan.gates if not gate.passed]
            words = "; ".join(f"{gate.cluster}: {gate.gate}: {gate.because}" for gate in failing)
            raise Refused("QX-PLAN-001", f"{action.verb} refused: {words}",
                          hint="; ".join(gate.remedy for gate in failing if gate.remedy))  # fmt: skip
        run = sortable_id(doing.world.clock.now(), doing.world.clock.noise())
        records.write(store, Inner(run=run), _key(doing))
        return _came_to(run, await means.begin(plan, run, _key(doing), doing.stopped))

    async def settled(self, action: asked.Subplan, doing: Doing) -> Settled | None:
        """Open: it is to be gone on with, so not done."""
        begun = _begun(doing)
        outcome = _outcome_of(begun, doing)
        if outcome is RunOutcome.STUCK:
            return None
        return Settled(outcome in WENT_WELL, _proof(begun, outcome) if begun and outcome else {})


def _key(doing: Doing) -> str:
    return f"{doing.run}/{doing.step}"


def _begun(doing: Doing) -> str:
    """The inner run's id; '' when none has begun."""
    found = records.read(doing.world.store, Inner, _key(doing))
    return "" if found is None else found.run


def _outcome_of(run: str, doing: Doing) -> RunOutcome | None:
    """None: it never began, though its id was chosen."""
    try:
        return doing.world.store.run(run).outcome if run else None
    except QxError as error:
        if error.code != "QX-RUN-004":
            raise
        return None


def _proof(run: str, outcome: RunOutcome | None) -> dict[str, Any]:
    return {"run": run, "outcome_of_run": outcome.value if outcome else ""}


def _came_to(run: str, outcome: RunOutcome) -> dict[str, Any]:
    proof = _proof(run, outcome)
    if outcome in WENT_WELL:
        return proof
    if outcome in ENDED_BADLY:
        error = QxError("QX-BOOK-008", f"its run {run} ended {outcome.value}", hint=f"qx runs show {run}")
        raise proven(error, proof, changed=outcome is RunOutcome.PARTIAL)
    raise Unsure("QX-RUN-002", f"its run {run} is {outcome.value}", hint=f"qx runs resume {run}")
