"""One program without a shell: an absolute path, its words, what it said, how it ended. Bounded in time and output.

Invariants: it and all that it started are ended at the deadline; its stdin is empty; its environment is what is given;
no secret of that environment is in what comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING, Any

from qx.adapters.answer import without
from qx.kernel.errors import QxError, Unsure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEPT = 4000  # characters of each output, its end
_LAST_WORDS_S = 0.5


async def run(
    path: str, words: Sequence[str], env: Mapping[str, str], secrets: Mapping[str, str], timeout: float
) -> dict[str, Any]:
    """`exit` (negative: the signal that ended it), `stdout`, `stderr`. Raises QX-BOOK-010 when it could not be started,
    Unsure when it had not ended in time: it is ended then.
    """
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            path, *words, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, env={**env, **secrets},
            start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "a word holds a NUL character"
        raise QxError("QX-BOOK-010", f"{path}: {why}", hint="runbooks.programs in regions.yaml") from error
    said = [bytearray(), bytearray()]
    heard = [asyncio.create_task(_hear(stream, kept)) for stream, kept in zip(
        (process.stdout, process.stderr), said, strict=True)]
    try:
        async with asyncio.timeout(timeout):
            code = await process.wait()
    except TimeoutError:
        raise Unsure("QX-RUN-002", f"{path} had not ended after {timeout:.3g} s, and was killed") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await asyncio.wait(heard, timeout=_LAST_WORDS_S)
        for task in heard:
            task.cancel()
        await asyncio.wait(heard)
    out, err = (_text(kept, secrets) for kept in said)
    return {"exit": code, "stdout": out, "stderr": err}


async def _hear(stream: asyncio.StreamReader | None, kept: bytearray) -> None:
    while stream is not None and (data := await stream.read(4096)):
        kept += data
        del kept[: -4 * KEPT]


def _text(kept: bytearray, secrets: Mapping[str, str]) -> str:
    text = kept.decode("utf-8", "replace")
    for secret in secrets.values():
        text = without(secret, text)
    return text[-KEPT:].rstrip("\n")
