"""What a step may take, so that its undo ends within the budget."""

from __future__ import annotations

import pytest

from qx.engine.budget import OBSERVE_PAST_S, OBSERVE_S, Budget
from qx.failover.planner import plan_failover
from qx.model.plan import Plan, Step
from tests.unit.failover.situations import situation
from tests.unit.failover.values import EU


class Elapsed:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def elapsed(self) -> float:
        return self.at

    def now(self) -> float:
        raise AssertionError("records are not the budget's")

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("it never waits")

    def noise(self) -> bytes:
        raise AssertionError("nor has it ids")


MADE = plan_failover(situation(), EU, None, ("trading",), ())
assert isinstance(MADE, Plan)
PLAN: Plan = MADE
TOTAL = PLAN.stages[0].budget_s


def step(name: str) -> Step:
    return next(step for step in PLAN.steps if step.id == f"trading.{name}")


@pytest.fixture
def clock() -> Elapsed:
    return Elapsed()


@pytest.fixture
def budget(clock: Elapsed) -> Budget:
    return Budget(PLAN, clock)


def test_before_clients_wait_a_step_has_its_own_time(budget: Budget) -> None:
    assert budget.timeout(step("checkpoint"), withdrawable=True) == step("checkpoint").timeout_s
    assert budget.timeout(step("fence"), withdrawable=True) == step("fence").timeout_s


def test_it_counts_from_the_first_step_that_stops_them(budget: Budget, clock: Elapsed) -> None:
    budget.began(step("checkpoint"))
    clock.at += 5.0
    budget.began(step("close-route"))
    assert budget.timeout(step("fence"), withdrawable=True) == pytest.approx(0.6 * TOTAL)
    clock.at += 1.0
    budget.began(step("fence"))
    assert budget.timeout(step("drain"), withdrawable=True) == pytest.approx(0.6 * TOTAL - 1.0)
    clock.at += 0.6 * TOTAL
    assert budget.timeout(step("drain"), withdrawable=True) < 0


def test_the_promotion_is_not_begun_at_the_last_moment(budget: Budget, clock: Elapsed) -> None:
    budget.began(step("close-route"))
    clock.at += 0.45 * TOTAL
    assert budget.timeout(step("promote"), withdrawable=True) > 0
    clock.at += 0.06 * TOTAL
    assert budget.timeout(step("promote"), withdrawable=True) <= 0
    assert budget.timeout(step("promote"), withdrawable=False) == step("promote").timeout_s


def test_an_undo_gets_little_time_first_and_more_each_time(budget: Budget) -> None:
    times = [budget.undo_timeout(step("fence"), attempts) for attempts in range(3)]
    assert times == [pytest.approx(0.2 * TOTAL), pytest.approx(0.8 * TOTAL), step("fence").timeout_s]
    assert budget.undo_timeout(step("prepare"), 0) == step("prepare").timeout_s


def test_looking_for_an_outcome_ends_with_the_budget_before_and_takes_its_time_after(
    budget: Budget, clock: Elapsed
) -> None:
    assert budget.observing(step("checkpoint"), past=False) == OBSERVE_S
    budget.began(step("close-route"))
    clock.at += 0.6 * TOTAL - 1.0
    assert budget.observing(step("fence"), past=False) == pytest.approx(1.0)
    clock.at += 5.0
    assert budget.observing(step("fence"), past=False) == 0.0
    assert budget.observing(step("promote"), past=True) == OBSERVE_PAST_S
