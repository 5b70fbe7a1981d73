"""CommandNode: the control of a node that a program of the operator's reaches (ssh, kubectl exec, ...).

The program is an argv without a shell; at its far end runs `qx node`. Secrets travel on its stdin.
Invariants: a request is sent only to a far end that said hello, so QX-NODE-001 means that nothing was asked;
a request that was sent and not answered is Unsure, unless it only looked; the far end's errors come back as
they were raised there.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

import msgspec

from qx.adapters.clock import SystemClock
from qx.adapters.node.deadline import Deadline
from qx.adapters.node.programs import tail
from qx.adapters.node.wire import LOOKS, PROTOCOL, Carried, Hello, Reply, Request, moved, raised
from qx.kernel.errors import QxError, Unsure
from qx.model.control import Control

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from qx.model.platform import CommandControl, Kind

_LONG = {"salvage", "rewind", "clone"}  # as long as the caller says; the others at most as long as the settings say
_SSH_FAILED = 255  # its exit code for its own failures
_LONGEST_LINE = 64 << 20
_ERRORS_KEPT = 16 << 10
_LAST_WORDS_S = 0.2
_WAY_BACK_S = 0.5  # what the far end leaves of the time, so that its own answer comes before we give up


class CommandNode(Carried):
    def __init__(self, settings: CommandControl, kind: Kind, cluster: str, region: str) -> None:
        self._settings, self._kind = settings, kind
        self._cluster, self._region = cluster, region
        self._where = f"{cluster}/{region}"

    async def carry(self, verb: str, timeout: float, **arguments: Any) -> Any:
        allowed = timeout if verb in _LONG else min(timeout, float(self._settings.timeout))
        epoch = arguments.pop("epoch", 0)
        request = Request(
            protocol=PROTOCOL,
            verb=verb,
            cluster=self._cluster,
            region=self._region,
            kind=self._kind,
            epoch=epoch,
            timeout_s=allowed,
            args=arguments,
        )
        call = _Call(self._argv(verb, epoch), request, self._where, Deadline(allowed))
        try:
            reply = await asyncio.wait_for(call.answered(), allowed)
        except TimeoutError:
            raise call.unanswered(f"no answer in {allowed:g} s") from None
        if reply.error is not None:
            raise raised(reply.error)
        return msgspec.convert(reply.result, Control) if verb in {"inspect", "stop", "start"} else reply.result

    def _argv(self, verb: str, epoch: int) -> list[str]:
        """Placeholders are replaced word by word: what stands in one never becomes another word."""
        known = {"{region}": self._region, "{cluster}": self._cluster, "{verb}": verb, "{epoch}": str(epoch)}
        words = list(self._settings.argv)
        for placeholder, value in known.items():
            words = [word.replace(placeholder, value) for word in words]
        return words


class _Call:
    """One run of the program. `sent`: the request was written, as far as can be told from here."""

    def __init__(self, argv: list[str], request: Request, where: str, deadline: Deadline) -> None:
        self.argv, self.request, self.where, self.deadline = argv, request, where, deadline
        self.sent = False
        self._errors = b""

    async def answered(self) -> Reply:
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *self.argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True, limit=_LONGEST_LINE
            )
        except OSError as error:
            raise self._unreachable(error.strerror or str(error)) from error
        listening = asyncio.create_task(self._listen(process))
        try:
            return await self._converse(process, listening)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            await _end(listening)

    async def _converse(self, process: Process, listening: asyncio.Task[None]) -> Reply:
        if process.stdin is None or process.stdout is None:
            raise AssertionError("made with pipes")
        hello = await _line(process.stdout)
        heard_at = SystemClock().elapsed()
        if not hello:
            code = await process.wait()
            await _end(listening)
            raise self._unreachable(self._words(code)) if code == _SSH_FAILED else self._failed(self._words(code))
        try:
            version = msgspec.json.decode(hello, type=Hello).protocol
        except msgspec.DecodeError:
            raise self._failed(f"it said {hello[:80]!r} instead of hello") from None
        if version != PROTOCOL:
            raise self._failed(f"it speaks protocol {version}, we {PROTOCOL}")
        self.sent = True
        left = self.deadline.left
        request = msgspec.structs.replace(
            self.request, timeout_s=left - min(_WAY_BACK_S, left / 4), args=moved(self.request.args, -heard_at)
        )
        with contextlib.suppress(ConnectionError):  # it ended: the missing reply tells
            process.stdin.write(msgspec.json.encode(request) + b"\n")
            await process.stdin.drain()
        reply = await _line(process.stdout)
        try:
            return msgspec.json.decode(reply, type=Reply)
        except msgspec.DecodeError:
            if reply:
                raise self.unanswered(f"its reply cannot be read: {reply[:80]!r}") from None
            code = await process.wait()
            await _end(listening)
            raise self.unanswered(self._words(code)) from None

    async def _listen(self, process: Process) -> None:
        while process.stderr is not None and (data := await process.stderr.read(4096)):
            self._errors = (self._errors + data)[-_ERRORS_KEPT:]

    def _words(self, code: int) -> str:
        return f"it ended with {code}: {tail(self._errors.decode(errors='replace'), 3)}"

    def unanswered(self, why: str) -> QxError:
        """What a missing answer means: nothing, when nothing was sent or it only looked; else that we cannot know."""
        if self.sent and self.request.verb not in LOOKS:
            words = f"{self.where}: {self.request.verb} was sent, and its answer did not come: {why}"
            return Unsure("QX-RUN-002", words, hint="observe the node before asking again")
        return self._unreachable(why)

    def _unreachable(self, why: str) -> QxError:
        return QxError("QX-NODE-001", f"{self.where}: {self.argv[0]}: {why}", hint="run its argv by hand")

    def _failed(self, why: str) -> QxError:
        return QxError("QX-NODE-005", f"{self.where}: {self.argv[0]}: {why}",
                       hint="run its argv by hand: `qx node` at its end says hello first")


async def _line(stream: asyncio.StreamReader) -> bytes:
    """Up to a line break, b'' at the end. A line that is longer than any of ours counts as none."""
    try:
        return await stream.readline()
    except ValueError:
        return b""


async def _end(task: asyncio.Task[None]) -> None:
    """What it still hears at once; then it is ended, since a grandchild may keep the pipe open."""
    await asyncio.wait({task}, timeout=_LAST_WORDS_S)
    task.cancel()
    await asyncio.wait({task})
