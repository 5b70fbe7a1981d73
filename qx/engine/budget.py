"""The write-outage budget: how long a step may take so that, should it fail, the undo still ends within the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qx.model.plan import Plan, Step
    from qx.ports.clock import Clock

UNDO_SHARE = 0.4  # of the budget is kept for starting the old writer again


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
        taken back.
        """
        if not (step.outage and withdrawable and step.stage in self._budgets and step.stage in self._since):
            return step.timeout_s
        left = self._since[step.stage] + self._budgets[step.stage] * (1 - UNDO_SHARE) - self._clock.elapsed()
        return min(step.timeout_s, left)
