"""One statement that somebody else wrote, on a connection of its own, and of its rows as many as are wanted.

Invariants: exactly one statement (the extended protocol takes no more); without `writes` in a read-only transaction;
the server gives up before we do, so that an answer is rarely lost; rows that nobody keeps are not kept in memory.
It cannot know what a function does: one may signal or promote in a read-only transaction too; the role's
rights decide.
"""

from __future__ import annotations

import asyncio
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import psycopg
from psycopg import AsyncRawCursor
from psycopg.pq import TransactionStatus

from qx.adapters.answer import HUNG_UP, Declined, LostAnswer, NoAnswer, without
from qx.adapters.postgres.session import Session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Sequence
    from typing import LiteralString

    from qx.adapters.postgres.session import Row, _Wire

MARGIN = 0.9  # of the time is the server's
LONGEST = 500  # characters of one value
MOST = 64 << 10  # characters of all rows together
_SESSIONS: LiteralString = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"


class Statement(Session):
    """`tag` names the session, as of any run."""

    async def run(
        self, statement: str, parameters: Sequence[object], *, writes: bool, rows: int, timeout: float
    ) -> dict[str, Any]:
        """`rows`, `count`, `more`; of one that writes also `affected`. Raises NoAnswer, Declined; of one that writes
        LostAnswer.
        """
        sent = False
        try:
            async with asyncio.timeout(timeout):
                wire = self._wire = await self._connect(timeout)
                patience = max(1, math.floor(timeout * MARGIN * 1000))
                await self._told(wire, f"SET statement_timeout = {patience}")
                if not writes:
                    await self._told(wire, "BEGIN READ ONLY")
                sent = True
                way = self._done if writes else self._streamed
                return await self._answered(wire, way(wire, statement, list(parameters), rows))
        except TimeoutError:
            lost = LostAnswer(self.node, "timeout", f"no answer within {timeout:.3g} s")
        except LostAnswer as error:
            lost = error
        finally:
            await self._hang_up()
        if writes and sent:
            raise lost
        raise NoAnswer(self.node, lost.reason, lost.detail)

    async def sessions(self, tag: str, timeout: float) -> int:
        """How many sessions of that tag are open at this server."""
        try:
            [(count,)] = await self.ask(_SESSIONS, (f"qx/{tag}",), timeout=timeout, harmless=True)
            return int(count)
        finally:
            await self.close()

    async def _told(self, wire: _Wire, words: str) -> None:
        await self._exchange(wire, words, None)

    async def _done(self, wire: _Wire, statement: str, parameters: list[object], most: int) -> dict[str, Any]:
        cursor = AsyncRawCursor(wire)
        await cursor.execute(statement, parameters, prepare=True)
        kept = _Kept(most)
        names = [column.name for column in cursor.description or ()]
        for row in await cursor.fetchmany(most + 1) if names else ():
            kept.take(names, row)
        return kept.told | {"affected": max(0, cursor.rowcount)}

    async def _streamed(self, wire: _Wire, statement: str, parameters: list[object], most: int) -> dict[str, Any]:
        cursor, kept = AsyncRawCursor(wire), _Kept(most)
        stream = cast("AsyncGenerator[Row]", cursor.stream(statement, parameters))
        try:
            async for row in stream:
                kept.take([column.name for column in cursor.description or ()], row)
                if kept.more:
                    wire.pgconn.finish()  # the rest is not waited for
                    break
            await stream.aclose()
        except psycopg.ProgrammingError as error:
            if error.sqlstate is not None or wire.pgconn.transaction_status != TransactionStatus.INTRANS:
                raise  # else it was done, and is of a kind that gives no rows
        return kept.told

    async def _answered(self, wire: _Wire, asking: Awaitable[dict[str, Any]]) -> dict[str, Any]:
        try:
            return await asking
        except psycopg.Error as error:
            secret = self._password()
            words = without(secret, error.diag.message_primary or str(error).strip())
            if wire.lives():
                raise Declined(self.node, error.sqlstate or "", words, hint=error.diag.message_hint or "") from None
            raise LostAnswer(self.node, "refused", words if error.sqlstate else HUNG_UP) from None

    async def _hang_up(self) -> None:
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.pgconn.finish()


class _Kept:
    """Rows up to so many, and up to MOST characters."""

    def __init__(self, most: int) -> None:
        self._rows: list[dict[str, Any]] = []
        self._room, self._most = MOST, most
        self.more = False

    def take(self, names: list[str], row: Row) -> None:
        named = _named(names, row)
        self._room -= sum(len(str(value)) for value in named.values())
        self.more = self.more or len(self._rows) == self._most or self._room < 0
        if not self.more:
            self._rows.append(named)

    @property
    def told(self) -> dict[str, Any]:
        return {"rows": self._rows, "count": len(self._rows), "more": self.more}


def _named(names: list[str], row: Row) -> dict[str, Any]:
    """A column whose name stands twice gets its number."""
    found: dict[str, Any] = {}
    for number, (name, value) in enumerate(zip(names, row, strict=True), 1):
        known = "column" if name == "?column?" else name
        found[known if known not in found else f"{known}_{number}"] = plain(value)
    return found


def plain(value: Any) -> Any:
    """A value of PostgreSQL as JSON has it, bounded."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        if not value.is_finite():
            return None
        return int(value) if value == value.to_integral_value() and abs(value) < 10**18 else float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (date, datetime, time)):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value[:100]]
    if isinstance(value, dict):
        return {str(key)[:LONGEST]: plain(held) for key, held in list(value.items())[:100]}
    text = value.hex() if isinstance(value, (bytes, memoryview)) else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
