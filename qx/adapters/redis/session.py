"""One connection to one Redis or Valkey server, under the caller's hard deadline; kept open, and opened again when dead.

Invariants: the deadline also holds while resolving, connecting and closing; nothing is retried (redis-py's own retries
take up to 7 s to notice a dead server); the commands of one call travel together, in one round trip; what may have had
an effect is never sent twice; a run's session that was ended sends nothing: only a harmless question opens it again; no
error holds the password, which is asked for at each connect and not kept.

RESP2: RESP3 costs a round trip for its HELLO, and the answers that are read here look the same in both.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from redis.asyncio.connection import Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, BusyLoadingError, InvalidResponse, RedisError, ResponseError

from qx.adapters.answer import ENDED, HUNG_UP, Declined, LostAnswer, NoAnswer, reason_of, without
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

    `password` is called at each connect, '' is none. What it raises passes: a run may check its lease there.
    """

    def __init__(self, node: str, url: str, password: Callable[[], str], tag: str) -> None:
        self.node = node
        self._parameters = _parameters(node, url)
        self._password = password
        self._acts = bool(tag)
        self._name = f"qx:{tag.replace('/', ':')}" if tag else "qx:observe"
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
            async with asyncio.timeout(timeout), self._lock:
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
                named, *answers = await self._exchange(self._wire, (("CLIENT", "SETNAME", self._name), *commands))
                ...
        except TimeoutError:
            lost = LostAnswer(self.node, "timeout", f"no answer within {timeout:.3g} s")
        except LostAnswer as error:
            lost = error
        if harmless or not sent:
            raise NoAnswer(self.node, lost.reason, lost.detail)
        raise lost
