"""The write-outage budget: how long a step may take so that, should it fail, the undo still ends within the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qx.model.plan import Plan, Step
    from qx.ports.clock import Clock

UNDO_SHARE = 0.4  # of the budget is kept for starting the old writer again
LEAST_SHARE = 0.1  # of the budget must be left, or the point of no return is not passed any more
FIRST_UNDO = 0.5  # of the undo's share is what its first attempt may take: a control that hangs holds up nothing else
OBSERVE_S = 3.0  # how long an outcome is looked for before it counts as unknown
# the same past the point of no return, where nothing but the outcome can help
OBSERVE_PAST_S = 45.0


class Budget:
    """Starts counting with a stage's first step that keeps clients from writing."""

    def __init__(self, plan: Plan, clock: Clock) -> None:
        self._budgets = {stage.cluster: stage.budget_s for stage in plan.stages if stage.mode == "planned"}
        self._clock = clock
        self._since: dict[str, float] = {}

    def began(self, step: Step) -> None:
        if step.outage:
            self._since.setdefault(step.stage, self._clock.elapsed())

    def timeout(self, step: Step, *, withdrawable: bool) -> float:
        """Seconds for this step: its own timeout, less where the budget is nearer and the step can still be
        taken back. None or less: it must not begin.
        """
        if not withdrawable or not step.outage:
            return step.timeout_s
        left = self._left(step)
        if step.point_of_no_return and left < LEAST_SHARE * self._budgets.get(step.stage, 0.0):
            return 0.0
        return min(step.timeout_s, left)

    def undo_timeout(self, step: Step, attempts: int) -> float:
        """Seconds for the next attempt to undo it, after `attempts` that failed: a little at first, then more."""
        if not step.outage or step.stage not in self._budgets:
            return step.timeout_s
        return min(step.timeout_s, self._budgets[step.stage] * UNDO_SHARE * FIRST_UNDO * 4.0**attempts)

    def observing(self, step: Step, *, past: bool) -> float:
        """Seconds for finding out what became of it."""
        if past:
            return OBSERVE_PAST_S
        own = min(OBSERVE_S, step.timeout_s)
        return max(0.0, min(own, self._left(step))) if step.outage else own

    def _left(self, step: Step) -> float:
        """Of what the step's stage may take before its undo has to begin."""
        if step.stage not in self._budgets or step.stage not in self._since:
            return float("inf")
        return self._since[step.stage] + self._budgets[step.stage] * (1 - UNDO_SHARE) - self._clock.elapsed()
