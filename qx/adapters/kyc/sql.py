"""A KYC provider behind a query to PostgreSQL: one statement per question, read-only, ended by the server too.

The query stands inside another one, which names its columns, bounds what comes back, and lets nothing but a SELECT
through. Its rows are records: columns as `qx.model.kyc.KycRecord` has them, `reviewed_at` or "reviewedAt".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, LiteralString

from msgspec import DecodeError, json
from psycopg import Error, sql
from psycopg.conninfo import make_conninfo

from qx.adapters.answer import Declined, LostAnswer, NoAnswer
from qx.adapters.kyc.silence import unusable
from qx.adapters.postgres.session import Session
from qx.compliance.kyc import chosen, record_of
from qx.kernel.errors import QxError
from qx.ports.kyc import KycSilent

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.kyc import KycRecord, Party, SqlKyc, Unknown

LONGEST, MOST = 64 << 10, 20  # characters of a row, rows
OF_VALUES = "22"  # the class of errors whose words repeat values

_HEAD: LiteralString = f"SELECT left(row_to_json(found)::text, {LONGEST + 1}) FROM (\n"  # noqa: S608 # nosec B608 - constant
_TAIL: LiteralString = f"\n) AS found LIMIT {MOST + 1}"


class SqlProvider:
    """`password` is called at each connect, '' is none."""

    def __init__(self, settings: SqlKyc, password: Callable[[], str]) -> None:
        self._settings = settings
        inner = sql.SQL(settings.query.strip().removesuffix(";"))
        self._statement = sql.Composed([sql.SQL(_HEAD), inner, sql.SQL(_TAIL)])
        self._password = password
        self._idle: asyncio.LifoQueue[Session] = asyncio.LifoQueue()
        url = _read_only(settings)
        for _ in range(settings.concurrency):
            self._idle.put_nowait(Session(settings.name, url, password, "kyc"))

    async def look(self, party: Party) -> KycRecord | Unknown:
        session = await self._idle.get()
        try:
            rows = await session.ask(self._statement, _named(party), timeout=self._settings.timeout, harmless=True)
        except (NoAnswer, LostAnswer) as error:
            raise KycSilent("QX-KYC-001", f"{self._settings.name}: {error.detail}") from None
        except Declined as error:
            words = "a value that the query cannot take" if error.state.startswith(OF_VALUES) else error.words
            raise KycSilent("QX-KYC-001", f"{self._settings.name}: {words} ({error.state})") from None
        finally:
            self._idle.put_nowait(session)
        if len(rows) > MOST:
            raise unusable(self._settings.name, f"its query gives more than {MOST} rows")
        try:
            return chosen([record_of(json.decode(text)) for (text,) in rows], party)
        except (DecodeError, ValueError) as error:
            raise unusable(self._settings.name, "a row of its query has not the agreed form", error) from None

    async def close(self) -> None:
        while not self._idle.empty():
            await self._idle.get_nowait().close()


def _named(party: Party) -> dict[str, object]:
    """NULL where it is not known: it equals nothing, not even what is not known there either."""
    return {
        "lei": party.lei or None, "registrationNo": party.registration_no or None, "name": party.name or None,
        "country": party.country or None,
    }  # fmt: skip


def _read_only(settings: SqlKyc) -> str:
    bound = f"-c default_transaction_read_only=on -c statement_timeout={max(1, int(settings.timeout * 1000))}"
    try:
        return make_conninfo(settings.url, options=bound)
    except Error:  # its text may hold a piece of a password
        raise QxError("QX-CFG-004", f"the url of {settings.name} is not that of one PostgreSQL server",
                      hint="postgresql://user@host:port/database?sslmode=...") from None
