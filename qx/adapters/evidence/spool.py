"""Spool: what could not be kept in its region's store, on this machine until it can.

One append-only file for each region: a mark, which is another each time that it begins anew, then frames. A frame is
its length, the CRC of its payload, and that; it is on the disk when `put` returns. A file that ends in the middle of a
frame lost only that frame, which nobody was told was kept: it is cut off before the next one. Writers and who drains
it take turns (flock). Never larger than its limit.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import zlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from qx.compliance.evidence import named_by
from qx.model.evidence import Basis, Content, Draft, Kind, Matter, Packed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

LIMIT = 1 << 30  # bytes
AT_ONCE = 32 << 20  # bytes of drafts that are kept in one go
_MARK, _HEAD = 8, 8  # bytes at the beginning of the file, and of each frame


class _Draft(msgspec.Struct, frozen=True, array_like=True, tag="draft"):
    at: float
    by: str
    kind: Kind
    basis: Basis | None
    rows: int
    root: bytes
    keys: bytes
    body: bytes

    @property
    def draft(self) -> Draft:
        return Draft(Packed(self.kind, self.basis, self.rows, self.root, self.keys, self.body), self.at, self.by)


class _Content(msgspec.Struct, frozen=True, array_like=True, tag="content"):
    digest: str
    kind: Matter
    body: bytes  # compressed

    @property
    def content(self) -> Content:
        return Content(self.digest, self.kind, zlib.decompress(self.body))


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Draft | _Content)


class Full(Exception):
    """It would grow above its limit."""


class _Known(NamedTuple):
    """What this process saw of the file. `end`: of its last whole frame."""

    mark: bytes
    end: int
    held: set[str]  # digests of contents
    spoken: set[Basis]  # whose contents are held, as far as they were at hand


class Spool:
    """At `path`, made when something is first put there. Raises OSError."""

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self._path, self._limit = path, limit
        self._known: _Known | None = None

    @property
    def name(self) -> str:
        return str(self._path)

    def put(self, drafts: Sequence[Draft], contents: Callable[[Basis], Sequence[Content]]) -> None:
        """All of them or none. `contents` is asked for what a basis speaks of that nothing here speaks of yet.

        Raises Full.
        """
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._held(os.O_RDWR | os.O_CREAT) as file:
            known = self._looked(file)
            frames = bytearray()
            spoken, held = set(known.spoken), set(known.held)
            for basis in dict.fromkeys(each.packed.basis for each in drafts if each.packed.basis is not None):
                for each in contents(basis) if basis not in spoken else ():
                    if each.digest not in held:
                        held.add(each.digest)
                        frames += _frame(_Content(each.digest, each.kind, zlib.compress(each.body)))
                spoken.add(basis)
            for packed, at, by in drafts:
                frames += _frame(_Draft(at, by, *packed))
            if known.end + len(frames) > self._limit:
                raise Full
            os.ftruncate(file, known.end)
            _write(file, frames, known.end)
            os.fsync(file)
            self._known = _Known(known.mark, known.end + len(frames), held, spoken)

    def _looked(self, file: int) -> _Known:
        """The whole frames of the file; what this process wrote itself, or saw before, is not read again."""
        mark = os.pread(file, _MARK, 0)
        if len(mark) < _MARK:
            mark = os.urandom(_MARK)
            _write(file, mark, 0)
        known = self._known
        if known is None or known.mark != mark:
            known = _Known(mark, _MARK, set(), set())
        for end, found in _frames(file, known.end):
            if isinstance(found, _Content):
                known.held.add(found.digest)
            known = known._replace(end=end)
        self._known = known
        return known

    def drain(self, keep: Callable[[Sequence[Draft], Callable[[Basis], Sequence[Content]]], None]) -> None:
        """Gives all to `keep`, in order; it is empty when that returned for the last of them. What `keep` raises
        passes, and all of it stands there still. Nothing is done while another process is at it.
        """
        if not self.stands:
            return
        with contextlib.suppress(BlockingIOError), self._held(os.O_RDWR, fcntl.LOCK_NB) as file:
            contents: dict[str, _Content] = {}
            waiting: list[Draft] = []
            size = 0

            def named(basis: Basis) -> list[Content]:
                return [contents[each].content for each in _named(basis, contents)]

            for _, found in _frames(file, _MARK):
                if isinstance(found, _Content):
                    contents[found.digest] = found
                    continue
                waiting.append(found.draft)
                size += len(found.body)
                if size > AT_ONCE:
                    keep(waiting, named)
                    waiting, size = [], 0
            if waiting:
                keep(waiting, named)
            os.ftruncate(file, 0)
            os.fsync(file)

    @property
    def stands(self) -> bool:
        """Whether anything is in it."""
        try:
            return self._path.stat().st_size > 0
        except FileNotFoundError:
            return False

    @property
    def waiting(self) -> int:
        """Rows in it."""
        if not self.stands:
            return 0
        with self._held(os.O_RDONLY) as file:
            return sum(found.rows for _, found in _frames(file, _MARK) if isinstance(found, _Draft))

    def find(self, key: bytes) -> Draft | None:
        """The latest one with a row whose id (16 bytes) is `key`."""
        if not self.stands:
            return None
        with self._held(os.O_RDONLY) as file:
            drafts = [found for _, found in _frames(file, _MARK) if isinstance(found, _Draft) and key in found.keys]
        return drafts[-1].draft if drafts else None

    @contextlib.contextmanager
    def _held(self, flags: int, waiting: int = 0) -> Iterator[int]:
        file = os.open(self._path, flags | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | waiting)
            yield file
        finally:
            os.close(file)


def _named(basis: Basis, contents: Mapping[str, _Content]) -> list[str]:
    """Digests of those contents that a basis speaks of, the lists that its lists name among them."""
    own = [*(each.digest for each in basis.packs), basis.lists]
    if basis.lists in contents:
        own += named_by(contents[basis.lists].content.body)
    return [each for each in dict.fromkeys(own) if each in contents]


def _frame(payload: _Draft | _Content) -> bytes:
    data = _ENCODER.encode(payload)
    return len(data).to_bytes(4, "big") + zlib.crc32(data).to_bytes(4, "big") + data


def _frames(file: int, at: int) -> Iterator[tuple[int, _Draft | _Content]]:
    """(where it ends, frame), from the one that begins at `at` up to the first that is not whole."""
    while len(head := os.pread(file, _HEAD, at)) == _HEAD:
        length = int.from_bytes(head[:4], "big")
        data = os.pread(file, length, at + _HEAD)
        if len(data) < length or zlib.crc32(data) != int.from_bytes(head[4:], "big"):
            return
        try:
            found = _DECODER.decode(data)
        except msgspec.DecodeError:
            return
        at += _HEAD + length
        yield at, found


def _write(file: int, data: bytes | bytearray, at: int) -> None:
    with memoryview(data) as left:
        written = 0
        while written < len(data):
            written += os.pwrite(file, left[written:], at + written)
