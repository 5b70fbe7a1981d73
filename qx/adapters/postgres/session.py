"""One connection to one PostgreSQL server, under the caller's hard deadline; kept open, and opened again when dead.

Invariants: one host per connection; the deadline also holds while resolving, connecting and closing (libpq's floor of
2 s and psycopg's wait for a cancelled query do not leak out); what may have had an effect is never sent twice; a run's
session that was ended sends nothing: only a harmless question opens it again; no error holds the password, which is
asked for at each connect and not kept.
"""

from __future__ import annotations

import asyncio
import math
import re
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar

import psycopg
from psycopg import AsyncConnection, sql, waiting
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import ConnStatus

from qx.adapters.answer import ENDED, HUNG_UP, Declined, LostAnswer, NoAnswer, reason_of, without
from qx.adapters.ear import Ear
from qx.adapters.names import resolves
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg.abc import PQGen
    from psycopg.errors import Diagnostic

    from qx.model.observation import Reason

RV = TypeVar("RV")
Row = tuple[Any, ...]

# Observers give up in the server too, lest those of a stuck server pile up until it has no connection left.
OBSERVER_STATEMENT_MS = 10_000

# How often psycopg looks up while it waits for an answer, for threads' sake. Its own default is always: it would spin.
IDLE_S = 1.0

# libpq tells why a connection failed in words only, a server's FATAL in its own lc_messages: what is said in another
# language than English stays 'protocol', with the server's words.
_MEANINGS: tuple[tuple[Reason, str], ...] = (
    ("starting", r"is (starting up|shutting down|in recovery mode)|not( yet)? accepting connections"),
    ("auth", r"authentication failed|no password supplied|pg_hba\.conf|not permitted to log ?in"),
    ("auth", r"role \".*\" does not exist|certificate|permission denied for"),
    ("timeout", r"timeout expired|timed out"),
    ("unreachable", r"no route to host|network is unreachable|translate host name|failed to resolve|permission denied"),
    ("refused", r"connection refused|no such file|connection reset|closed the connection unexpectedly"),
)
_WHERE = re.compile(r"^(connection (failed|is bad): )?(connection to server (at|on) .*? failed: )?(FATAL: +)?")


class _Wire(AsyncConnection[Row]):
    """Cancelled means hung up: psycopg would ask the server to cancel the query, and wait for that for up to 10 s."""

    async def wait(self, gen: PQGen[RV], interval: float = IDLE_S, timeout: float | None = None) -> RV:
        try:
            async with asyncio.timeout(timeout):
                return await waiting.wait_async(gen, self.pgconn.socket, interval)
        except asyncio.CancelledError:
            self.pgconn.finish()
            raise

    def lives(self) -> bool:
        """What came in the meantime is read: a farewell (PostgreSQL sends one before it hangs up), the end of file."""
        farewells: list[Diagnostic] = []

        def heard(notice: Diagnostic) -> None:
            if notice.severity_nonlocalized in {"FATAL", "PANIC"}:
                farewells.append(notice)

        self.add_notice_handler(heard)
        try:
            self.pgconn.consume_input()
            self.pgconn.is_busy()  # has libpq read the messages
            self.pgconn.consume_input()
        except psycopg.Error:
            return False
        finally:
            self.remove_notice_handler(heard)
        return self.pgconn.status == ConnStatus.OK and not farewells


class Session:
    """`tag`: '<run>/<epoch>' of a run, '' of an observer: the server knows the session as `qx/<tag>` or `qx/observe`.

    `password` is called at each connect, '' is none. What it raises passes: a run may check its lease there. `heard`
    is called when the server says something unasked, such as goodbye, while the session waits for the next question.
    """

    def __init__(
        self, node: str, url: str, password: Callable[[], str], tag: str, heard: Callable[[], None] | None = None
    ) -> None:
        self.node = node
        self._ear = Ear(heard)
        self._parameters = _parameters(node, url, tag)
        self._password = password
        self._acts = bool(tag)
        self._lock = asyncio.Lock()
        self._wire: _Wire | None = None

    async def ask(
        self,
        statement: LiteralString | sql.Composed,
        parameters: tuple[object, ...] | Mapping[str, object] | None = None,
        *,
        timeout: float,
        harmless: bool = False,
    ) -> list[Row]:
        """The statement's rows. `harmless`: it has no effect, so that it may be sent again when a kept connection turns
        out to be dead, and a lost answer is no more than a NoAnswer.

        Raises NoAnswer, LostAnswer, Declined; QX-SEC-* of the password.
        """
        sent = False
        try:
            async with asyncio.timeout(timeout), self._lock, self._ear.covered(self._socket):
                if self._wire is not None and not self._wire.lives():
                    await self.close()
                    if self._acts and not harmless:
                        raise NoAnswer(self.node, "refused", ENDED)
                if self._wire is not None:
                    sent = True
                    try:
                        return await self._exchange(self._wire, statement, parameters)
                    except LostAnswer:
                        if not harmless:
                            raise
                sent = False
                self._wire = await self._connect(timeout)
                sent = True
                return await self._exchange(self._wire, statement, parameters)
        except TimeoutError:
            lost = LostAnswer(self.node, "timeout", f"no answer within {timeout:.3g} s")
        except LostAnswer as error:
            lost = error
        if harmless or not sent:
            raise NoAnswer(self.node, lost.reason, lost.detail)
        raise lost

    def _socket(self) -> int | None:
        wire = self._wire.pgconn if self._wire is not None else None
        return wire.socket if wire is not None and wire.status == ConnStatus.OK else None

    async def close(self) -> None:
        self._ear.close()
        if self._wire is not None:
            await self._wire.close()  # says goodbye without waiting for an answer
            self._wire = None

    async def _connect(self, timeout: float) -> _Wire:
        secret = self._password()
        parameters = {**self._parameters, "connect_timeout": max(2, math.ceil(timeout))}
        if secret:
            parameters["password"] = secret
        try:
            await resolves(str(parameters.get("host", "")))
            return await _Wire.connect(**parameters, autocommit=True)
        except OSError as error:
            reason, detail = reason_of(error)
        except psycopg.Error as error:
            reason, detail = _meaning(without(secret, str(error)))
        raise NoAnswer(self.node, reason, detail)

    async def _exchange(
        self,
        wire: _Wire,
        statement: LiteralString | sql.Composed,
        parameters: tuple[object, ...] | Mapping[str, object] | None,
    ) -> list[Row]:
        try:
            cursor = await wire.execute(statement, parameters)
            return await cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            words = without(self._parameters.get("password", ""), error.diag.message_primary or str(error).strip())
            state, hint = error.sqlstate or "", error.diag.message_hint or ""
        except asyncio.CancelledError:
            self._wire = None
            raise
        if wire.lives():
            raise Declined(self.node, state, words, hint=hint)
        await wire.close()
        raise LostAnswer(self.node, "refused", words if state else HUNG_UP)


def _parameters(node: str, url: str, tag: str) -> dict[str, Any]:
    try:
        given: Mapping[str, Any] = conninfo_to_dict(url)
    except psycopg.Error:  # its text may hold a piece of the password
        given = {"host": ","}
    if "," in str(given.get("host", "")):
        raise QxError("QX-CFG-004", f"the url of {node} is not that of one PostgreSQL server",
                      hint="postgresql://user@host:port/database?sslmode=..., one host, special characters as %XX")
    options = [str(given.get("options", "")), "-c jit=off"]
    if not tag:
        options.append(f"-c statement_timeout={OBSERVER_STATEMENT_MS}")
    return {
        "gssencmode": "disable",
        **given,
        "application_name": f"qx/{tag or 'observe'}",
        "client_encoding": "UTF8",
        "target_session_attrs": "any",
        "options": " ".join(options).strip(),
    }


def _meaning(words: str) -> tuple[Reason, str]:
    line = next((line.strip() for line in words.splitlines() if line.strip()), "")
    detail = _WHERE.sub("", line)
    for reason, pattern in _MEANINGS:
        if re.search(pattern, line, re.IGNORECASE):
            return reason, detail[:1].lower() + detail[1:]
    return "protocol", detail
