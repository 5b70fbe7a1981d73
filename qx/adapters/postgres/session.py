"""One connection to one PostgreSQL server, under the caller's hard deadline; kept open, and opened again when dead.

Invariants: one host per connection; the deadline also holds while resolving, connecting and closing (libpq's floor of
2 s and psycopg's wait for a cancelled query do not leak out); a statement that may have had an effect is never sent
twice; no error holds the password, which is asked for at each connect and not kept.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

import psycopg
from psycopg import AsyncConnection, sql, waiting
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import ConnStatus

from qx.adapters.answer import HUNG_UP, Declined, LostAnswer, NoAnswer, reason_of, without
from qx.adapters.names import resolves
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg.abc import PQGen

    from qx.model.observation import Reason

RV = TypeVar("RV")
Row = tuple[Any, ...]

# Observers give up in the server too, so that those of a stuck server do not pile up until no connection is left.
OBSERVER_STATEMENT_MS = 10_000

# libpq tells connection failures in words only. A server's FATAL is in its lc_messages: other languages than English
# fall through to 'protocol', with the server's words.
_WORDS: tuple[tuple[str, Reason], ...] = (
    ("connection refused", "refused"),
    ("no such file or directory", "refused"),  # a Unix socket that nobody listens on
    ("timeout expired", "timeout"),
    ("connection timed out", "timeout"),
    ("no route to host", "unreachable"),
    ("network is unreachable", "unreachable"),
    ("could not translate host name", "unreachable"),
    ("failed to resolve host", "unreachable"),
    ("is starting up", "starting"),
    ("is shutting down", "starting"),
    ("is in recovery mode", "starting"),
    ("not yet accepting connections", "starting"),
    ("not accepting connections", "starting"),
    ("authentication failed", "auth"),
    ("no password supplied", "auth"),
    ("no pg_hba.conf entry", "auth"),
    ("pg_hba.conf rejects", "auth"),
    ("is not permitted to log in", "auth"),
    ("certificate", "auth"),
    ("permission denied", "auth"),
    ("server closed the connection unexpectedly", "refused"),
    ("connection reset by peer", "refused"),
)


class _Wire(AsyncConnection[Row]):
    """Cancelled means hung up: psycopg would ask the server to cancel, and wait for up to 10 s."""

    async def wait(self, gen: PQGen[RV], *args: Any, **kwargs: Any) -> RV:
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, *args, **kwargs)
        except asyncio.CancelledError:
            self.pgconn.finish()
            raise

    def lives(self) -> bool:
        """What has arrived in the meantime is read, the server's farewell included."""
        try:
            self.pgconn.consume_input()
            self.pgconn.consume_input()  # the end of file behind the farewell
        except psycopg.Error:
            return False
        return self.pgconn.status == ConnStatus.OK


class Session:
    """`tag`: 'observe' or '<run>/<epoch>'; the server knows the session as `qx/<tag>`. `password` may raise QX-SEC-*."""

    def __init__(self, node: str, url: str, password: Callable[[], str], tag: str) -> None:
        self.node = node
        self._parameters = _parameters(node, url, tag)
        self._password = password
        self._lock = asyncio.Lock()
        self._wire: _Wire | None = None

    async def ask(
        self,
        statement: LiteralString | sql.Composed,
        parameters: Sequence[object] = (),
        *,
        timeout: float,  # noqa: ASYNC109 - the deadline is the port's, not the caller's cancel scope
        repeatable: bool = False,
    ) -> list[Row]:
        """The statement's rows. `repeatable`: it may be sent again when a kept connection turns out to be dead.

        Raises NoAnswer, LostAnswer, Declined.
        """
        sent = False
        try:
            async with asyncio.timeout(timeout), self._lock:
                kept = self._wire is not None
                wire = await self._connected()
                kept = kept and self._wire is wire
                sent = True
                ...
        except TimeoutError:
            ...
