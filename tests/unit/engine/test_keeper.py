"""A run's lease while its store comes and goes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from qx.engine.keeper import Keeper, LeaseLost
from qx.kernel.errors import QxError, Refused
from tests.fakes.rigs import MemoryRig

if TYPE_CHECKING:
    from collections.abc import Callable

TTL = 6.0


class Clock:
    """Elapsed time is the rig's; sleeping moves it, and what is due then happens."""

    def __init__(self, rig: MemoryRig) -> None:
        self.rig = rig

    def elapsed(self) -> float:
        return self.rig.clocks.since_boot

    async def sleep(self, seconds: float) -> None:
        self.rig.clocks.advance(seconds)
        await asyncio.sleep(0)


class Flaky:
    """A store that can be made silent."""

    def __init__(self, rig: MemoryRig) -> None:
        self._store, self.silent, self.asked = rig.open(), False, 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def asked(*arguments: Any) -> Any:
            self.asked += 1
            if self.silent:
                raise QxError("QX-STORE-005", "no answer")
            return method(*arguments)

        return asked


@pytest.fixture
def rig() -> MemoryRig:
    return MemoryRig()


async def _turns(reached: Callable[[], bool]) -> None:
    """The loop's turns until it is so."""
    for _ in range(10_000):
        if reached():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


def keeper(rig: MemoryRig) -> tuple[Keeper, Flaky]:
    store, clock = Flaky(rig), Clock(rig)
    kept = Keeper(store, clock, TTL)  # type: ignore[arg-type]
    kept.acquire(("trading",), "run-1")
    return kept, store


def test_a_silent_store_takes_nothing_away_before_the_lease_could_have_run_out(rig: MemoryRig) -> None:
    kept, store = keeper(rig)
    store.silent = True
    rig.clocks.advance(TTL - 0.001)
    kept.check("trading")
    rig.clocks.advance(0.001)
    with pytest.raises(LeaseLost):
        kept.check("trading")
    store.silent = False
    with pytest.raises(LeaseLost):
        kept.check("trading")


def test_a_store_that_says_no_is_believed_at_once(rig: MemoryRig) -> None:
    kept, _ = keeper(rig)
    rig.clocks.advance(TTL)
    rig.open().acquire(("trading",), "run-2", TTL)
    with pytest.raises(LeaseLost) as lost:
        kept.check("trading")
    assert isinstance(lost.value.cause, Refused)


async def test_a_renewal_is_tried_again_until_the_store_answers(rig: MemoryRig) -> None:
    kept, store = keeper(rig)
    store.silent = True
    async with kept:
        await _turns(lambda: store.asked >= 6)
        assert rig.clocks.since_boot < 1_000.0 + TTL
        store.silent = False
        await asyncio.sleep(0)
        kept.check("trading")
    assert [lease.holder for lease in rig.open().leases()] == ["run-1"]


async def test_it_is_lost_when_the_store_stays_silent(rig: MemoryRig) -> None:
    kept, store = keeper(rig)
    store.silent = True
    async with kept:
        await _turns(lambda: rig.clocks.since_boot >= 1_000.0 + TTL)
        store.silent = False
        with pytest.raises(LeaseLost):
            kept.check("trading")
