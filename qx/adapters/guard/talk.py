"""Talk: who asks a guard over its Unix socket. One JSON object per line in, one out, in order.

Invariants: nothing here ever waits, and no client can hold up the guard or another client: a line has a longest length,
a connection a longest silence, and of too many connections the oldest ends; an answer that does not fit into the
socket's buffer ends its connection. A question is answered by `answer`, which must not wait either.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LONGEST = 4096  # bytes of a line
MOST = 16  # connections
SILENCE_S = 10.0
_AT_ONCE = 16  # connections that are accepted in one go


class Talk:
    """`watch(fd)` and `forget(fd)` tell the guard's loop where to look; `elapsed` is its clock."""

    def __init__(
        self,
        path: Path,
        answer: Callable[[dict[str, Any]], dict[str, Any]],
        elapsed: Callable[[], float],
        watch: Callable[[int], None],
        forget: Callable[[int], None],
    ) -> None:
        """Listens, where the socket's directory is the working directory. Raises OSError: another guard does so."""
        self._answer, self._elapsed, self._watch, self._forget = answer, elapsed, watch, forget
        self._lines: dict[int, _Line] = {}  # the oldest first
        self._name = path.name  # short enough for a socket's address however deep the directory stands
        _clear(self._name)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        before = os.umask(0o177)
        try:
            self._listener.bind(self._name)
        finally:
            os.umask(before)
        self._listener.listen(MOST)
        watch(self._listener.fileno())

    def hear(self, fd: int) -> None:
        """Something happened at one of the watched."""
        if fd == self._listener.fileno():
            self._accept()
        elif fd in self._lines and not self._serve(self._lines[fd]):
            self._end(fd)

    def tidy(self) -> None:
        """Ends connections that have been silent for too long."""
        now = self._elapsed()
        for fd in [fd for fd, line in self._lines.items() if now - line.heard > SILENCE_S]:
            self._end(fd)

    @property
    def connected(self) -> bool:
        return bool(self._lines)

    def close(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._name)  # noqa: PTH108 - relative to the working directory, as it was bound
        self._listener.close()

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                link, _address = self._listener.accept()
            except OSError:  # nobody else waits, or he is gone again, or the machine has no descriptor left
                return
            link.setblocking(False)
            if len(self._lines) >= MOST:
                self._end(next(iter(self._lines)))
            self._lines[link.fileno()] = _Line(link, self._elapsed())
            self._watch(link.fileno())

    def _serve(self, line: _Line) -> bool:
        """Whether the connection goes on."""
        try:
            data = line.link.recv(LONGEST)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        line.heard = self._elapsed()
        *asked, line.rest = (line.rest + data).split(b"\n")
        return all(self._reply(line, text) for text in asked) and len(line.rest) < LONGEST

    def _reply(self, line: _Line, text: bytes) -> bool:
        try:
            question = json.loads(text)
        except (ValueError, RecursionError):
            question = None
        answer = self._answer(question if isinstance(question, dict) else {})
        data = json.dumps(answer).encode() + b"\n"
        try:
            return line.link.send(data) == len(data)
        except OSError:  # gone, or he does not read
            return False

    def _end(self, fd: int) -> None:
        self._forget(fd)
        self._lines.pop(fd).link.close()


class _Line:
    def __init__(self, link: socket.socket, heard: float) -> None:
        self.link, self.heard, self.rest = link, heard, b""


def _clear(name: str) -> None:
    """Removes the socket of a guard that is gone. Raises FileExistsError while one listens there, frozen or not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as trial:
        try:
            trial.connect(name)
        except FileNotFoundError:
            return
        except ConnectionRefusedError:
            os.unlink(name)  # noqa: PTH108 - as above
            return
        except BlockingIOError:  # its queue is full: it lives
            pass
    raise FileExistsError(f"a guard listens at {name} already")
