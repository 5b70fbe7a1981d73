"""FileRoute: the DSN of the writer in a file that clients or their proxy read; empty while the route is closed.

Invariants: a reader sees the old file or the new one, never a part; the file is on the disk before a call returns; the
highest epoch is remembered beside it in `<path>.epoch` and a lower one is refused, also between processes. It cannot
end a client's open connection: that is for whoever reads the file. Must never write a password.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qx.kernel.errors import QxError, Refused, Unsure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_POLL_S = 0.005
_LOCK_SHARE = 0.8  # of the time that may be spent on the lock, so that giving up is certain to have written nothing
_WIDTH = 20  # of the remembered epoch: always the same bytes are overwritten


class FileRoute:
    """`nodes`: region -> the node's url, which is what the file will hold."""

    def __init__(self, cluster: str, path: Path, nodes: Mapping[str, str]) -> None:
        self._cluster, self._path, self._nodes = cluster, path, nodes
        self._memory = path.with_name(path.name + ".epoch")

    async def close(self, epoch: int, timeout: float) -> None:
        await self._write(epoch, "", timeout)

    async def open(self, epoch: int, region: str, timeout: float) -> None:
        await self._write(epoch, self._nodes[region] + "\n", timeout)

    async def target(self, timeout: float) -> str | None:
        try:
            async with asyncio.timeout(timeout):
                dsn = await asyncio.to_thread(self._read)
        except TimeoutError:
            raise QxError("QX-ROUTE-001", f"{self._path} could not be read within {timeout:.3g} s") from None
        return next((region for region, url in self._nodes.items() if url == dsn), None)

    async def _write(self, epoch: int, content: str, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                await asyncio.to_thread(self._put, epoch, content, timeout)
        except TimeoutError:
            raise Unsure("QX-RUN-002", f"{self._path} was not written within {timeout:.3g} s") from None

    def _read(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise self._failed(error) from error

    def _put(self, epoch: int, content: str, timeout: float) -> None:
        try:
            with self._locked(time.monotonic() + timeout * _LOCK_SHARE) as handle:
                known = int(os.pread(handle, _WIDTH, 0) or b"0")
                if epoch < known:
                    raise Refused(
                        "QX-NODE-002",
                        f"the route {self._path} of {self._cluster} follows epoch {known} and refuses {epoch}",
                        hint="a newer run moved this cluster: look at it with `qx runs list`",
                    )
                os.pwrite(handle, f"{epoch:0{_WIDTH - 1}d}\n".encode(), 0)
                os.fsync(handle)
                self._replace(content.encode())
        except OSError as error:
            raise self._failed(error) from error

    @contextmanager
    def _locked(self, deadline: float) -> Iterator[int]:
        handle = os.open(self._memory, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise QxError(
                            "QX-ROUTE-001", f"another process keeps {self._memory} locked", hint="wait for that run"
                        ) from None
                    time.sleep(_POLL_S)
            yield handle
        finally:
            os.close(handle)

    def _replace(self, data: bytes) -> None:
        fresh = self._path.with_name(self._path.name + ".qx-new")
        mode = self._path.stat().st_mode & 0o777 if self._path.exists() else 0o644
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, mode)
            file.write(data)
            file.flush()
            os.fsync(handle)
        fresh.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _failed(self, error: OSError) -> QxError:
        what = error.strerror or type(error).__name__
        return QxError(
            "QX-ROUTE-001",
            f"the route of {self._cluster} cannot use {error.filename or self._path}: {what}",
            hint="the directory must exist and be writable for qx",
        )
