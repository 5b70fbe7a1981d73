"""Watch: candidates come in, by a signed webhook or from feeds that are looked at again and again.

A feed is a directory, whose files are sent by their owners, or an address. What a feed cannot give is told, and it is
looked at again the next time.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from qx.adapters.inbox import Inbox, Said
from qx.app.candidates import MOST_BYTES
from qx.kernel.errors import QxError
from qx.render.encode import builtins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qx.app.door import Door
    from qx.app.review import Review
    from qx.model.candidate import Submission
    from qx.ports.clock import Clock

    Mark = tuple[int, int, int]  # inode, size, changed at

PATH = "/candidates"
FORMS = (".yaml", ".yml", ".xml", ".csv")


class Feeds:
    """`sources`: directories and URLs. `told` is given each candidate that is new, `failed` why a feed gave none."""

    def __init__(
        self, review: Review, sources: tuple[str, ...], told: Callable[[Submission], None],
        failed: Callable[[QxError], None],
    ) -> None:
        self._review, self._sources, self._told, self._failed = review, sources, told, failed
        self._seen: dict[Path, Mark] = {}  # what was looked into

    def look(self) -> None:
        """Once at each."""
        for source in self._sources:
            try:
                for data, by in self._found(source):
                    if self._review.known(data) is None:
                        self._told(self._review.submit(data, by, source))
            except QxError as error:
                self._failed(error)

    def _found(self, source: str) -> Iterator[tuple[bytes, str]]:
        if source.startswith(("http://", "https://")):
            from urllib.parse import urlsplit

            from qx.adapters.pull import pull

            yield pull(source, MOST_BYTES), urlsplit(source).hostname or source
            return
        try:
            paths = sorted(path for path in Path(source).iterdir() if path.suffix in FORMS and path.name[0] != ".")
        except OSError as error:
            raise QxError("QX-RULE-005", f"{source}: {error.strerror}") from error
        for path in paths:
            found = self._read(path)
            if found is not None:
                mark, data, by = found
                yield data, by
                self._seen[path] = mark  # not where it could not be taken: then it is tried again

    def _read(self, path: Path) -> tuple[Mark, bytes, str] | None:
        """(which state of the file, its content, its owner's account); None: there is nothing new in it."""
        try:
            handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:  # a link, or gone since, or not ours to read
            return None
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            mark = status.st_ino, status.st_size, status.st_mtime_ns
            if not stat.S_ISREG(status.st_mode) or self._seen.get(path) == mark:
                return None
            if status.st_size > MOST_BYTES:
                self._seen[path] = mark
                self._failed(QxError("QX-RULE-005", f"{path} is larger than {MOST_BYTES} bytes"))
                return None
            return mark, file.read(MOST_BYTES), _account(status.st_uid)


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid{uid}"


async def watch(
    door: Door | None, listen: str, feeds: Feeds, clock: Clock, every: float, opened: Callable[[str], None]
) -> None:
    """Until it is cancelled. `door` None: nothing listens. Raises QX-RULE-005."""
    inbox = None if door is None else Inbox(listen, PATH, MOST_BYTES, door.admit, _taker(door))
    try:
        if inbox is not None:
            opened(await inbox.open())
        while True:
            await asyncio.to_thread(feeds.look)
            await clock.sleep(every)
    finally:
        if inbox is not None:
            await inbox.close()


def _taker(door: Door) -> Callable[[Mapping[str, str], bytes], Said]:
    def take(headers: Mapping[str, str], body: bytes) -> Said:
        candidate = door.take(headers, body)
        return Said(202, {"schema": "qx.candidate/1", **builtins(candidate)})

    return take
