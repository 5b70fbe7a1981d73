"""A program of the operator's: argv without a shell, the document `qx.notice/1` on its stdin. Exit 0 is a receipt.

Its whole process group is ended at the deadline. Of what it prints only the last line on stderr is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

from qx.adapters.notify.wording import body, printable
from qx.ports.notifier import NotTaken

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from qx.model.alert import Notice
    from qx.model.notify import CommandChannel

_LONGEST = 64 << 10
_LAST_WORDS_S = 0.2  # a grandchild may keep the pipe open


class CommandNotifier:
    def __init__(self, name: str, settings: CommandChannel) -> None:
        self._name, self._argv = name, settings.argv

    async def send(self, notice: Notice, timeout: float) -> str:
        pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *self._argv, stdin=pipe, stdout=null, stderr=pipe, start_new_session=True
            )
        except OSError as error:
            why = error.strerror or "it cannot be started"
            raise NotTaken(f"{self._name}: {self._argv[0]}: {why}", final=True) from None
        said = asyncio.create_task(_said(process))
        try:
            async with asyncio.timeout(timeout):
                await _feed(process, body(notice))
                code = await process.wait()
        except TimeoutError:
            raise NotTaken(f"{self._name}: {self._argv[0]}: no end within {timeout:.3g} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError):  # all of it has ended
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            await asyncio.wait({said}, timeout=_LAST_WORDS_S)
            said.cancel()
        if code:
            words = said.result() if said.done() and not said.cancelled() else ""
            raise NotTaken(f"{self._name}: {self._argv[0]}: it ended with {code}{f': {words}' if words else ''}")
        return "exit 0"

    async def close(self) -> None:
        """Nothing is kept open."""


async def _feed(process: Process, data: bytes) -> None:
    if process.stdin is None:
        raise AssertionError("made with pipes")
    with contextlib.suppress(ConnectionError):  # it does not read: its exit tells whether it cared
        process.stdin.write(data + b"\n")
        await process.stdin.drain()
        process.stdin.close()
        await process.stdin.wait_closed()


async def _said(process: Process) -> str:
    """The last line of stderr."""
    kept = b""
    while process.stderr is not None and (data := await process.stderr.read(4096)):
        kept = (kept + data)[-_LONGEST:]
    lines = kept.decode(errors="replace").strip().splitlines()
    return printable(lines[-1])[:160] if lines else ""
