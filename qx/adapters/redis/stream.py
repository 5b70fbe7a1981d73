"""A Redis Stream as a worker of a consumer group sees it (`qx.ports.stream`).

    NAME                          transactions; the group's list of pending entries tells what is in whose hands
    {NAME}:results, {NAME}:dead   what came of them, and what could not be judged
    {NAME}:done:GROUP:ID          a marker: this entry of this group is settled

The braces put all keys into one slot of a Redis Cluster; a NAME with a {tag} of its own keeps that.

Settling is MULTI: XADD the result, SET the marker, XACK, EXEC; under WATCH of the marker. So a kill between any two
commands leaves either nothing done or all; whoever comes second finds the marker, and only acknowledges. Markers end
after MARKER_S. Who was frozen with an entry in hand for half of that, by the server's own clock, lets go of it: nobody
can wake up and settle again what was settled and forgotten. That clock is asked for after WATCH; a marker that comes
and goes between then and EXEC makes EXEC do nothing.

No script: a server may be without. Needs Redis 7 or Valkey (XAUTOCLAIM tells of deleted entries).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from qx.adapters.answer import Declined, LostAnswer, NoAnswer
from qx.adapters.redis.session import Session
from qx.kernel.errors import QxError
from qx.model.stream import Entry
from qx.ports.stream import Away

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from qx.adapters.redis.session import Command
    from qx.model.stream import Outcome

MARKER_S = 86_400
FROM_THE_FIRST = "0"
PASSING = frozenset({"READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN", "OOM", "BUSY", "TRYAGAIN", "NOREPLICAS",
                     "NOGROUP", "MISCONF", "UNBLOCKED", "EXECABORT"})  # fmt: skip
_NAME = re.compile(r"[!-~]{1,200}")
_TAG = re.compile(r"[^{}]*\{[^{}]+\}[^{}]*")


class RedisEntries:
    """`timeout`: seconds for one exchange, beside what a read waits. `password` is called at each connect."""

    def __init__(
        self, node: str, url: str, password: Callable[[], str], stream: str, group: str, consumer: str,
        timeout: float,
    ) -> None:
        self.results, self.dead = beside(stream, "results"), beside(stream, "dead")
        self._stream, self._group, self._consumer = stream, usable(group), usable(consumer)
        self._timeout = timeout
        self._session = Session(node, url, password, "stream/worker")

    async def open(self) -> None:
        try:
            create = ("XGROUP", "CREATE", self._stream, self._group, FROM_THE_FIRST, "MKSTREAM")
            made, *kinds = await self._ask(create, *self._kinds)
        except Declined as error:
            raise self._meant(error) from None
        if isinstance(made, Declined) and made.state != "BUSYGROUP":
            raise self._meant(made)
        self._streams_all(kinds)

    async def fresh(self, count: int, block: float) -> list[Entry]:
        read = ("XREADGROUP", "GROUP", self._group, self._consumer, "COUNT", count, "BLOCK", max(1, int(block * 1000)),
                "STREAMS", self._stream, ">")  # fmt: skip
        found, time = self._all(await self._ask(read, ("TIME",), wait=block))
        return [_entry(each, time) for _, entries in found or () for each in entries]

    async def stranded(self, idle: float, cursor: str) -> tuple[list[Entry], str]:
        claim = ("XAUTOCLAIM", self._stream, self._group, self._consumer, int(idle * 1000), cursor or "0-0",
                 "COUNT", 1)  # fmt: skip
        (following, claimed, *deleted), time = self._all(await self._ask(claim, ("TIME",)))
        entries = [Entry(name, None, _seconds(time)) for name in (deleted[0] if deleted else ())]
        for each in claimed:
            [[_, _, _, deliveries]] = self._all(
                await self._ask(("XPENDING", self._stream, self._group, each[0], each[0], 1))
            )[0] or [[each[0], "", 0, 1]]
            entries.append(_entry(each, time)._replace(deliveries=int(deliveries)))
        return entries, "" if following == "0-0" else following

    async def hold(self, ids: Sequence[str]) -> None:
        self._all(await self._ask(("XCLAIM", self._stream, self._group, self._consumer, 0, *ids, "JUSTID")))

    async def settle(self, outcomes: Sequence[Outcome]) -> frozenset[str]:
        markers = [self._marker(each.entry.id) for each in outcomes]
        while True:
            _, marks, time, *kinds = self._all(
                await self._ask(("WATCH", *markers), ("MGET", *markers), ("TIME",), *self._kinds)
            )
            self._streams_all(kinds)
            now = _seconds(time)
            mine = [
                (each, marker) for each, marker, mark in zip(outcomes, markers, marks, strict=True)
                if mark is None and now - each.entry.at < MARKER_S / 2
            ]  # fmt: skip
            done = [each.entry.id for each, mark in zip(outcomes, marks, strict=True) if mark is not None]
            commands: list[Command] = []
            for each, marker in mine:
                words = [word for pair in each.fields.items() for word in pair]
                commands += [("XADD", self.dead if each.dead else self.results, "*", *words),
                             ("SET", marker, each.mark, "EX", MARKER_S)]  # fmt: skip
            settled = [*(each.entry.id for each, _ in mine), *done]
            if not settled:
                self._all(await self._ask(("UNWATCH",)))
                return frozenset()
            answers = await self._ask(("MULTI",), *commands, ("XACK", self._stream, self._group, *settled), ("EXEC",))
            *_, executed = self._all(answers)
            if executed is not None:  # else somebody settled one of them just now
                self._whole(executed, settled)
                return frozenset(each.entry.id for each, _ in mine)

    async def waiting(self) -> bool:
        [groups] = self._all(await self._ask(("XINFO", "GROUPS", self._stream)))
        found = (dict(zip(each[::2], each[1::2], strict=True)) for each in groups)
        [mine] = [each for each in found if each["name"] == self._group]
        after = f"({mine['last-delivered-id']}"
        [last] = self._all(await self._ask(("XREVRANGE", self._stream, "+", after, "COUNT", 1)))
        return bool(last) or int(mine["pending"]) > 0

    async def leave(self) -> None:
        [held] = self._all(await self._ask(("XPENDING", self._stream, self._group, "-", "+", 1, self._consumer)))
        if not held:
            self._all(await self._ask(("XGROUP", "DELCONSUMER", self._stream, self._group, self._consumer)))

    async def close(self) -> None:
        await self._session.close()

    @property
    def _kinds(self) -> tuple[Command, Command]:
        return ("TYPE", self.results), ("TYPE", self.dead)

    def _marker(self, entry: str) -> str:
        return f"{beside(self._stream, 'done')}:{self._group}:{entry}"

    async def _ask(self, *commands: Command, wait: float = 0.0) -> list[Any]:
        try:
            return await self._session.ask_all(*commands, timeout=self._timeout + wait)
        except (NoAnswer, LostAnswer) as error:
            raise Away(error.code, error.message) from None

    def _all(self, answers: list[Any]) -> list[Any]:
        """As they are. Raises what the first refused one means."""
        for answer in answers:
            if isinstance(answer, Declined):
                raise self._meant(answer)
        return answers

    def _meant(self, error: Declined) -> QxError:
        return Away(error.code, error.message) if error.state in PASSING else error

    def _streams_all(self, kinds: list[Any]) -> None:
        """Inside EXEC a key of another kind is found out too late: the entry would be acknowledged all the same."""
        for (_, key), kind in zip(self._kinds, kinds, strict=True):
            if kind not in ("stream", "none"):
                raise Declined(self._session.node, "WRONGTYPE", f"{key} holds a {kind}, not a stream",
                               hint="name another stream, or delete that key")

    def _whole(self, executed: list[Any], settled: list[str]) -> None:
        """What fails inside EXEC does not take the rest back. Only who replaces a key at that very moment gets here."""
        for answer in executed:
            if isinstance(answer, Exception):
                ids = ", ".join(settled)
                raise Declined(self._session.node, "WRONGTYPE", f"not all of these were written: {ids}: {answer}")


def usable(word: str) -> str:
    """Of a stream, a group, a consumer. Raises QX-STREAM-002."""
    if not _NAME.fullmatch(word):
        raise QxError("QX-STREAM-002", f"{ascii(word)[:80]} is no name of a stream, a group or a consumer",
                      hint="1 to 200 printable characters of ASCII, no spaces")
    return word


def beside(stream: str, what: str) -> str:
    """A key in the slot of `stream`. Raises QX-STREAM-002."""
    if "{" not in usable(stream) and "}" not in stream:
        return f"{{{stream}}}:{what}"
    if not _TAG.fullmatch(stream):
        raise QxError("QX-STREAM-002", f"{stream} has braces that are no tag", hint="one {tag}, or none")
    return f"{stream}:{what}"


def _entry(answer: list[Any], time: list[str]) -> Entry:
    name, words = answer
    fields = None if words is None else dict(zip(words[::2], words[1::2], strict=True))
    return Entry(str(name), fields, _seconds(time))


def _seconds(time: list[str]) -> float:
    return int(time[0]) + int(time[1]) / 1e6
