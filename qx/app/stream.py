"""Consuming a region's stream of transactions: read, judge, keep, settle; any number of workers in one group.

Invariants: an entry is settled (its result or dead letter written, and acknowledged, in one act) only after the record
has it; what a worker held when it was killed is taken over by the others; who holds much for long gives signs of life.
What another worker left behind is judged one by one: of many an entry that kills its worker takes only itself along,
and is a dead letter in the end. A stop finishes what is held. Trouble with the server is waited out, never skipped.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from qx.compliance.kyc import Enriched
from qx.kernel.errors import QxError
from qx.model.stream import Entry, Outcome, Tally
from qx.ports.stream import Away

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qx.app.kyc import Asker
    from qx.app.redis_at import RedisAt
    from qx.app.verdicts import Bench, Judged
    from qx.compliance.transaction import Transaction
    from qx.model.evidence import Kept
    from qx.model.stream import Consuming
    from qx.ports.clock import Clock
    from qx.ports.stream import Entries

T = TypeVar("T")

TIMEOUT_S = 5.0  # of one exchange with the server
LAST_S = 10.0  # a stop waits so long for a server that is away; what is held then is left to the others


class _Left(Exception):
    """The stop would not wait any longer."""


class Worker:
    """`bench`: makes rules, lists and record anew. `say`: for people, one line."""

    def __init__(
        self, entries: Entries, bench: Callable[[], Bench], settings: Consuming, clock: Clock, stop: asyncio.Event, *,
        asker: Asker | None = None, say: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self._entries, self._make, self._settings, self._clock, self._stop = entries, bench, settings, clock, stop
        self._asker, self._say = asker, say
        self._bench = bench()
        self._made = clock.elapsed()
        self._swept = float("-inf")
        self._told = ""
        self.tally = Tally()

    async def run(self) -> Tally:
        """Until the stop; with `drain` also until nothing waits. Raises QxError where waiting would not help."""
        try:
            await self._sure(self._entries.open)
            while not self._stop.is_set():
                await self._sweep()
                if self._stop.is_set():
                    break
                found = await self._sure(lambda: self._entries.fresh(self._settings.count, self._settings.block))
                if found:
                    await self._settle(found)
                elif self._settings.drain and not await self._sure(self._entries.waiting):
                    break
        except _Left:
            self._say("stopped while the server is away: what was held is left to other workers")
        finally:
            await self._shut()
        return self.tally

    async def _sweep(self) -> None:
        """What others left behind, every half of `idle`, to the end."""
        now = self._clock.elapsed()
        if now - self._swept < self._settings.idle / 2:
            return
        self._swept, cursor = now, ""
        while not self._stop.is_set():
            at = cursor
            found, cursor = await self._sure(lambda at=at: self._entries.stranded(self._settings.idle, at))  # type: ignore[misc]
            if found:
                self.tally.taken_over += len(found)
                await self._settle(found)
            if not cursor:
                return

    async def _settle(self, entries: list[Entry]) -> None:
        if self._clock.elapsed() - self._made >= self._settings.refresh:
            await self._shut()
            self._bench, self._made = self._make(), self._clock.elapsed()
        alive = asyncio.create_task(self._hold([each.id for each in entries if each.fields is not None]))
        try:
            judged, dead = await self._judged(entries)
            await self._kept([each.kept for each in judged])
        finally:  # before it is settled: what comes between WATCH and EXEC might lose the connection, and so the WATCH
            alive.cancel()
            await asyncio.gather(alive, return_exceptions=True)
        outcomes = [*(each.outcome for each in judged), *dead]
        written = await self._sure(lambda: self._entries.settle(outcomes)) if outcomes else frozenset()
        self._count(outcomes, written)

    async def _judged(self, entries: list[Entry]) -> tuple[list[Judged], list[Outcome]]:
        readable: list[tuple[Entry, Transaction]] = []
        dead: list[Outcome] = []
        for entry in entries:
            try:
                readable.append((entry, self._bench.transaction(entry, self._settings.deliveries)))
            except QxError as error:
                dead.append(self._bench.dead(entry, error))
        transactions = [transaction for _, transaction in readable]
        asker = self._asker
        enriched = list(map(Enriched, transactions)) if asker is None else await asker.enrich(transactions)
        judged = []
        for (entry, _), each in zip(readable, enriched, strict=True):
            await asyncio.sleep(0)  # signs of life and a stop's signal get their turn
            try:
                judged.append(self._bench.judged(entry, each))
            except Exception as error:  # noqa: BLE001 - a bug, or a hostile document: it comes back, so often and no more
                self.tally.given_up += 1
                self._say(f"{entry.id} could not be judged, and stays where it is: {type(error).__name__}: {error}")
        return judged, dead

    async def _kept(self, rows: list[Kept]) -> None:
        """In the record, or on this machine until that is back. Lost is neither: then it is tried again."""
        record = self._bench.record
        if record is None or not rows:
            return

        async def attempt() -> None:
            receipt = await asyncio.to_thread(record.keep, rows)
            if receipt.lost:
                raise Away("QX-STORE-005", f"{receipt.lost} rows could be kept nowhere")

        await self._sure(attempt)

    def _count(self, outcomes: list[Outcome], written: frozenset[str]) -> None:
        for each in outcomes:
            name = "dead" if each.dead else each.fields["status"]
            counted = name if each.entry.id in written else "repeated"
            setattr(self.tally, counted, getattr(self.tally, counted) + 1)

    async def _shut(self) -> None:
        if self._bench.record is not None:
            await asyncio.to_thread(self._bench.record.close)

    async def _hold(self, ids: list[str]) -> None:
        while ids:
            await self._clock.sleep(self._settings.idle / 3)
            try:
                await self._entries.hold(ids)
            except Away as error:  # whoever takes them over meanwhile: one of us settles each
                self._tell(error)

    async def _sure(self, act: Callable[[], Awaitable[T]]) -> T:
        """What it gives, after however many attempts. Raises _Left; QxError where waiting would not help."""
        deadline: float | None = None
        while True:
            try:
                found = await act()
            except Away as error:
                self._tell(error)
            else:
                self._tell(None)
                return found
            now = self._clock.elapsed()
            if self._stop.is_set():
                deadline = now + LAST_S if deadline is None else deadline
                if now >= deadline:
                    raise _Left
            await self._clock.sleep(self._settings.patience)
            await self._again()

    async def _again(self) -> None:
        """A stream that was deleted, or a server that was replaced by one without it, has no group."""
        try:
            await self._entries.open()
        except Away as error:
            self._tell(error)

    def _tell(self, error: Away | None) -> None:
        """Once for each change."""
        words = "" if error is None else error.message
        if words != self._told:
            self._say(words or "the server is back")
            self._told = words


async def consume(
    bench: Callable[[], Bench], at: RedisAt, stream: str, settings: Consuming, stop: asyncio.Event, *,
    asker: Asker | None = None, say: Callable[[str], None] = lambda _: None,
) -> Tally:  # fmt: skip
    """One worker, from its first connection to its last. `bench`: as Worker's."""
    from qx.adapters.clock import SystemClock
    from qx.adapters.redis.stream import RedisEntries

    entries = RedisEntries(at.node, at.url, at.password, stream, settings.group, settings.consumer, TIMEOUT_S)
    try:
        tally = await Worker(entries, bench, settings, SystemClock(), stop, asker=asker, say=say).run()
        if settings.leaves:
            await _left(entries, say)
        return tally
    finally:
        await entries.close()
        if asker is not None:
            await asker.close()


async def _left(entries: Entries, say: Callable[[str], None]) -> None:
    try:
        await entries.leave()
    except Away as error:
        say(f"its name stays in the group: {error.message}")
