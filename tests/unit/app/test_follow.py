"""Following a run: told as it goes, until it ends, is left alone, or the time for waiting is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qx.app.follow import LEASELESS_S, follow
from qx.kernel.errors import QxError
from qx.model.journal import Event, RunOutcome
from tests.fakes.rigs import MemoryRig
from tests.fakes.runs import a_plan, a_run, an_entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.journal import Chained


class Scripted(MemoryRig):
    """A clock whose every sleep lets the other process do its next thing."""

    def __init__(self) -> None:
        super().__init__()
        self.store = self.open()
        self.next: list[Callable[[], object]] = []
        self.store.begin(a_run(), a_plan())

    def now(self) -> float:
        return self.clocks.wall

    def elapsed(self) -> float:
        return self.clocks.since_boot

    def noise(self) -> bytes:
        return bytes(10)

    async def sleep(self, seconds: float) -> None:
        self.clocks.advance(seconds)
        if self.next:
            self.next.pop(0)()


@pytest.fixture
def script() -> Scripted:
    return Scripted()


async def test_each_entry_is_told_once_in_order_until_the_run_ends(script: Scripted) -> None:
    store, told = script.store, list[int]()
    store.acquire(("trading",), "run-1", 60.0)
    store.append(an_entry(1))

    def two() -> None:
        store.append(an_entry(2))
        store.append(an_entry(3))

    end = an_entry(4, event=Event.CLOSED, proof={"outcome": "undone"})
    script.next = [lambda: None, two, lambda: store.append(end)]
    ended = await follow(store, script, "run-1", lambda chained: told.append(chained.entry.seq))
    assert ended.outcome is RunOutcome.UNDONE
    assert told == [1, 2, 3, 4]


async def test_a_run_that_nobody_executes_is_left_at_once(script: Scripted) -> None:
    script.store.append(an_entry(1))
    told: list[Chained] = []
    began = script.elapsed()
    with pytest.raises(QxError, match="nobody executes it") as error:
        await follow(script.store, script, "run-1", told.append, timeout=60.0)
    assert error.value.code == "QX-RUN-002"
    assert len(told) == 1
    assert script.elapsed() - began < LEASELESS_S + 1


async def test_a_run_that_is_taken_up_again_is_followed_on(script: Scripted) -> None:
    store = script.store
    script.next = [
        lambda: None, lambda: store.acquire(("trading",), "run-1", 60.0), *[lambda: None] * 20,
        lambda: store.append(an_entry(1, event=Event.CLOSED, proof={"outcome": "done"})),
    ]
    assert (await follow(store, script, "run-1", lambda _: None)).outcome is RunOutcome.DONE


async def test_waiting_has_an_end(script: Scripted) -> None:
    script.store.acquire(("trading",), "run-1", 600.0)
    began = script.elapsed()
    with pytest.raises(QxError) as error:
        await follow(script.store, script, "run-1", lambda _: None, timeout=5.0)
    assert error.value.code == "QX-RUN-010"
    assert 5.0 <= script.elapsed() - began < 6.0
