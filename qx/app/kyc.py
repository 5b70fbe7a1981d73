"""KYC asked: the provider of a region, each party of many transactions once, its answers kept for a while.

No word is no error here: it becomes an answer of its own, and what it does to a transaction is `qx.compliance.kyc`'s.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Self

from qx.adapters.clock import SystemClock
from qx.compliance.kyc import Enriched, enriched, party_of
from qx.config.kyc import provider_at
from qx.kernel.errors import QxError
from qx.model.kyc import FileKyc, NoWord, SqlKyc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from qx.app.workbench import Workbench
    from qx.compliance.transaction import Transaction
    from qx.model.kyc import HttpKyc, KycAnswer, Party
    from qx.ports.clock import Clock
    from qx.ports.kyc import KycProvider

MOST_KEPT = 100_000  # answers
NOBODY = NoWord("the transaction does not say who its counterparty is")


class _Kept(NamedTuple):
    answer: KycAnswer
    until: float


class Asker:
    """One provider. Not for several tasks at once: one call after another. `source`: its name. `say`: told why there is
    no word, once for each reason in a row.
    """

    def __init__(
        self, provider: KycProvider, source: str, concurrency: int, cache_s: float, clock: Clock,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:  # fmt: skip
        self.source = source
        self._provider, self._clock, self._cache_s = provider, clock, cache_s
        self._turn = asyncio.Semaphore(concurrency)
        self._kept: dict[Party, _Kept] = {}
        self._say, self._told = say, ""

    async def enrich(self, transactions: Sequence[Transaction]) -> list[Enriched]:
        """Each with its party's answer, in their order; each party is asked about once at most."""
        parties = [party_of(each) for each in transactions]
        answers = await self.ask(party for party in parties if party is not None)
        return [
            enriched(each, self.source, NOBODY if party is None else answers[party])
            for each, party in zip(transactions, parties, strict=True)
        ]

    async def ask(self, parties: Iterable[Party]) -> dict[Party, KycAnswer]:
        """What is no word is not kept: it is asked again by the next call."""
        now = self._clock.elapsed()
        wanted = dict.fromkeys(parties)
        known = {party: kept.answer for party in wanted if (kept := self._kept.get(party)) and now < kept.until}
        asked = [party for party in wanted if party not in known]
        async with asyncio.TaskGroup() as group:
            tasks = {party: group.create_task(self._asked(party)) for party in asked}
        found = {party: task.result() for party, task in tasks.items()}
        if self._cache_s:
            self._keep({party: answer for party, answer in found.items() if not isinstance(answer, NoWord)}, now)
        return known | found

    async def close(self) -> None:
        await self._provider.close()

    async def _asked(self, party: Party) -> KycAnswer:
        async with self._turn:
            try:
                found = await self._provider.look(party)
            except QxError as error:
                return self._silent(f"{error.code}: {error.message}")
            self._told = ""
            return found

    def _silent(self, why: str) -> NoWord:
        if why != self._told:
            self._told = why
            self._say(f"{why}; what it would say of kyc is taken as not known")
        return NoWord(why)

    def _keep(self, found: dict[Party, KycAnswer], now: float) -> None:
        for party, answer in found.items():
            self._kept.pop(party, None)
            self._kept[party] = _Kept(answer, now + self._cache_s)
        while len(self._kept) > MOST_KEPT:  # the oldest stands first
            del self._kept[next(iter(self._kept))]


class Asking:
    """As Asker, for who has no event loop: a batch asks chunk after chunk. A context manager."""

    def __init__(self, bench: Workbench | None, region: str, say: Callable[[str], None] = lambda _: None) -> None:
        self._runner = asyncio.Runner()
        self._asker = asker_of(bench, region, say)

    def enrich(self, transactions: Sequence[Transaction]) -> list[Enriched]:
        """As they are where no provider is configured."""
        if self._asker is None:
            return [Enriched(each) for each in transactions]
        return self._runner.run(self._asker.enrich(transactions))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._asker is not None:
            self._runner.run(self._asker.close())
        self._runner.close()


def asker_of(bench: Workbench | None, region: str, say: Callable[[str], None] = lambda _: None) -> Asker | None:
    """Of the provider that `qx.config.kyc.provider_at` tells; None: nobody is asked. `bench` None: there is no
    regions.yaml. Connects to nobody yet.
    """
    at = None if bench is None else provider_at(bench.platform, region)
    if bench is None or at is None:
        return None
    clock = SystemClock()
    return Asker(_provider(bench, at, clock), at.name, at.concurrency, at.cache, clock, say)


def _provider(bench: Workbench, at: FileKyc | SqlKyc | HttpKyc, clock: Clock) -> KycProvider:
    if isinstance(at, FileKyc):
        from qx.adapters.kyc.file import FileProvider

        return FileProvider(at, bench.beside(at.path))
    if isinstance(at, SqlKyc):
        from qx.adapters.kyc.sql import SqlProvider

        password = at.password
        return SqlProvider(at, lambda: bench.secret(password))
    from qx.adapters.kyc.http import HttpProvider

    return HttpProvider(at, bench.secret, clock)
