"""Attestations that no store has heard yet: lines of JSON in a file, until they stand in a journal.

Invariants: a line is on the disk before `keep` returns; one is handed over at least once, and the file is moved away
only when all of it was; nobody adds a line while it is. Must never drop a line that cannot be read.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import TYPE_CHECKING

import msgspec

from qx.adapters.node import files
from qx.kernel.errors import QxError
from qx.model.guarding import Attested

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Attestations:
    """Raises QX-STORE-005 when the file cannot be read or written."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def keep(self, attested: Attested) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked(os.O_RDWR | os.O_CREAT | os.O_APPEND) as handle:
                whole = _all(handle).rfind(b"\n") + 1
                os.ftruncate(handle, whole)  # nobody attested what its writer could not finish
                os.write(handle, msgspec.json.encode(attested) + b"\n")
                os.fsync(handle)
            files.sync(self.path.parent)
        except OSError as error:
            raise self._unusable(error) from error

    def waiting(self) -> tuple[Attested, ...]:
        """The oldest first."""
        try:
            return self._read(self.path.read_bytes())
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._unusable(error) from error

    def hand_over(self, take: Callable[[Attested], None]) -> tuple[Attested, ...]:
        """Gives each to `take`, and moves the file away, beside where it stood. Those that were taken."""
        try:
            with self._locked(os.O_RDWR) as handle:
                found = self._read(_all(handle))
                for each in found:
                    take(each)
                suffix = found[-1].run if found else "empty"
                self.path.rename(self.path.with_name(f"{self.path.name}.{suffix}"))
                files.sync(self.path.parent)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._unusable(error) from error
        return found

    @contextlib.contextmanager
    def _locked(self, flags: int) -> Iterator[int]:
        """The file that stands there once it is locked: another may have moved it away meanwhile."""
        while True:
            handle = os.open(self.path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                if self._is_there(handle):
                    yield handle
                    return
            finally:
                os.close(handle)

    def _is_there(self, handle: int) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(handle), self.path.stat())
        return False

    def _read(self, data: bytes) -> tuple[Attested, ...]:
        """Of whole lines: what follows the last was never finished."""
        try:
            return tuple(msgspec.json.decode(line, type=Attested) for line in data.split(b"\n")[:-1])
        except msgspec.DecodeError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> QxError:
        words = f"{self.path}, where attestations wait for a store, cannot be used: {error}"
        return QxError("QX-STORE-005", words, hint="mend it by hand: each line is somebody's word")


def _all(handle: int) -> bytes:
    return os.pread(handle, os.fstat(handle).st_size, 0)
