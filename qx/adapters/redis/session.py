"""One connection to one Redis or Valkey server, under the caller's hard deadline; kept open, opened again when dead.

Invariants: the deadline also holds while resolving, connecting and closing; nothing is retried (redis-py's own retries
take up to 7 s to notice a dead server); the commands of one call travel together, in one round trip; what may have had
an effect is never sent twice; a run's session that was ended sends nothing: only a harmless question opens it again; no
error holds the password, which is asked for at each connect and not kept.

RESP2: RESP3 costs a round trip for its HELLO, and the answers that are read here look the same in both.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from redis.asyncio.connection import Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, InvalidResponse, RedisError, ResponseError

from qx.adapters.answer import ENDED, HUNG_UP, Declined, LostAnswer, NoAnswer, reason_of, without
from qx.adapters.ear import Ear
from qx.adapters.names import resolves
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.observation import Reason

CLOSE_S = 0.2  # for the farewell of TLS; then the connection is dropped

Command = tuple[str | int, ...]


class Session:
    """`tag`: '<run>/<epoch>' of a run, '' of an observer: the server knows the session as `qx:<run>:<epoch>` or
    `qx:observe`.

    `password` is called at each connect, '' is none. What it raises passes: a run may check its lease there. `heard`
    is called when the server says something unasked, such as goodbye, while the session waits for the next question.
    """

    def __init__(
        self, node: str, url: str, password: Callable[[], str], tag: str, heard: Callable[[], None] | None = None
    ) -> None:
        self.node = node
        self._ear = Ear(heard)
        self._parameters = _parameters(node, url)
        self._password = password
        self._acts = bool(tag)
        self._name: Command = ("CLIENT", "SETNAME", f"qx:{tag.replace('/', ':') or 'observe'}")
        self._lock = asyncio.Lock()
        self._wire: Connection | None = None

    async def ask(self, *command: str | int, timeout: float, harmless: bool = False) -> Any:
        """The answer to one command, its words as str. Raises as `ask_all`, and Declined."""
        [answer] = await self.ask_all(command, timeout=timeout, harmless=harmless)
        if isinstance(answer, Declined):
            raise answer
        return answer

    async def ask_all(self, *commands: Command, timeout: float, harmless: bool = False) -> list[Any]:
        """The answer to each; a Declined in the place of one that was refused.

        `harmless`: none has an effect, so that they may be sent again when a kept connection turns out to be dead, and
        a lost answer is no more than a NoAnswer. Raises NoAnswer, LostAnswer; what `password` raises.
        """
        sent = False
        try:
            async with asyncio.timeout(timeout), self._lock, self._ear.covered(self._socket):
                if self._wire is not None and not await _lives(self._wire):
                    await self.close()
                    if self._acts and not harmless:
                        raise NoAnswer(self.node, "refused", ENDED)
                if self._wire is not None:
                    sent = True
                    try:
                        return await self._exchange(self._wire, commands)
                    except LostAnswer:
                        if not harmless:
                            raise
                sent = False
                self._wire = await self._connect(timeout)
                sent = True
                name = () if self._acts else (self._name,)  # an observer's is a courtesy: it travels along
                return (await self._exchange(self._wire, (*name, *commands)))[len(name):]
        except TimeoutError:
            lost = LostAnswer(self.node, "timeout", f"no answer within {timeout:.3g} s")
        except LostAnswer as error:
            lost = error
        if harmless or not sent:
            raise NoAnswer(self.node, lost.reason, lost.detail)
        raise lost

    def _socket(self) -> int | None:
        writer = self._wire._writer if self._wire is not None else None  # noqa: SLF001 - no other way to it
        return writer.get_extra_info("socket").fileno() if writer is not None and not writer.is_closing() else None

    async def close(self) -> None:
        self._ear.close()
        wire, self._wire = self._wire, None
        if wire is not None:
            await _hang_up(wire)

    async def _connect(self, timeout: float) -> Connection:
        secret = self._password()
        wire = _wire({**self._parameters, "password": secret} if secret else self._parameters, timeout)
        try:
            await resolves(str(self._parameters.get("host", "")))
            await wire.connect()  # type: ignore[no-untyped-call]
        except (RedisError, OSError) as error:
            reason, detail = _reason(error)
            raise NoAnswer(self.node, reason, without(secret, detail)) from None
        if self._acts:  # under its name, or not at all: or it could not be ended
            [named] = await self._exchange(wire, (self._name,))
            if isinstance(named, Declined):
                await _hang_up(wire)
                raise named
        return wire

    async def _exchange(self, wire: Connection, commands: tuple[Command, ...]) -> list[Any]:
        try:
            await wire.send_packed_command(wire.pack_commands(commands))
            return [await self._answer(wire) for _ in commands]
        except (RedisError, OSError) as error:
            reason, detail = _reason(error)
        except asyncio.CancelledError:  # the next answer that comes would be this one's
            self._wire = None
            await wire.disconnect(nowait=True)
            raise
        self._wire = None
        await _hang_up(wire)
        raise LostAnswer(self.node, reason, detail)

    async def _answer(self, wire: Connection) -> Any:
        try:
            return await wire.read_response(disconnect_on_error=False)
        except (ResponseError, AuthenticationError, BusyLoadingError) as error:
            words = f"{error.status_code} {error}" if error.status_code else str(error)
            return Declined(self.node, words.split(" ", 1)[0], without(self._parameters.get("password", ""), words))


async def _lives(wire: Connection) -> bool:
    """Nothing is to be read when nothing was asked, but the end of the connection."""
    for _ in range(2):  # the event loop first looks what has arrived, then takes it in
        await asyncio.sleep(0)
    try:
        return wire.is_connected and not await wire.can_read()
    except (RedisError, OSError):
        return False


async def _hang_up(wire: Connection) -> None:
    try:
        async with asyncio.timeout(CLOSE_S):
            await wire.disconnect()
    except (RedisError, OSError):  # no farewell came in time: the socket is closed all the same
        await wire.disconnect(nowait=True)


def _parameters(node: str, url: str) -> dict[str, Any]:
    try:
        parameters: dict[str, Any] = dict(parse_url(url))
        _wire(parameters, 1)
    except (ValueError, TypeError, RedisError):  # their texts may hold a piece of the password
        raise QxError("QX-CFG-004", f"the url of {node} is not that of a Redis server",
                      hint="redis://user@host:port/0, or rediss://...?ssl_ca_certs=FILE for TLS") from None
    return parameters


def _wire(parameters: dict[str, Any], timeout: float) -> Connection:
    """Not connected yet. The socket's own timeout is for the connection only: answers have the caller's deadline."""
    kind = parameters.get("connection_class", Connection)
    wire: Connection = kind(
        **{name: value for name, value in parameters.items() if name != "connection_class"},
        socket_connect_timeout=timeout,
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
        protocol=2,
        driver_info=None,
        decode_responses=True,
        encoding_errors="replace",
    )
    return wire


def _reason(error: BaseException) -> tuple[Reason, str]:
    """redis-py wraps what the system said, and has no classes for the rest."""
    if isinstance(error, AuthenticationError):
        return "auth", str(error)
    if isinstance(error, BusyLoadingError):
        return "starting", str(error)
    if isinstance(error, InvalidResponse):
        return "protocol", "its answer is not Redis'"
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        return reason_of(cause)
    if "closed by server" in str(error):
        return "refused", HUNG_UP
    return "protocol", str(error)
