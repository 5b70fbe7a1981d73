"""The lab fabric's control protocol and its client: one JSON request per line, one JSON answer per line, a Unix socket.

Invariants: an answer arrives after the request is in force, never before. Errors: the fabric's own refusals keep their
code; QX-ROUTE-001 when it cannot be reached, Unsure(QX-RUN-002) when a request was sent
and no answer came.
"""

from __future__ import annotations

import asyncio
import os
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from qx.kernel.errors import QxError, Unsure

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE = 1 << 20


class _Request(Struct, frozen=True, kw_only=True, tag_field="do", forbid_unknown_fields=True):
    """Base of the closed union: the tag is the verb."""


class Show(_Request, frozen=True, kw_only=True, tag="show"):
    """Changes nothing."""


class SetLink(_Request, frozen=True, kw_only=True, tag="link"):
    """What happens to bytes that travel from `source` to `target`, whichever side opened the connection.

    drop: they stop and wait. refuse: connections that `source` opened to `target` are reset, new ones refused.
    """

    source: str
    target: str
    mode: Literal["pass", "drop", "refuse"]
    delay_s: float = 0.0


class Isolate(_Request, frozen=True, kw_only=True, tag="isolate"):
    """Every link from and to `region` drops; within the region everything passes."""

    region: str


class Heal(_Request, frozen=True, kw_only=True, tag="heal"):
    """Every link passes without delay; with `region`, only those from and to it."""

    region: str | None = None


class SetRoute(_Request, frozen=True, kw_only=True, tag="route"):
    """Clients of `cluster` are sent to `target` ('host:port'), wait (`hold`, no target) or are refused (neither).

    `ttl_s`: the route closes by itself when this is not repeated in time.
    """

    cluster: str
    epoch: int
    target: str | None = None
    hold: bool = False
    ttl_s: float | None = None


Request = Show | SetLink | Isolate | Heal | SetRoute


class LinkState(Struct, frozen=True, kw_only=True):
    """A link that does not simply pass."""

    source: str
    target: str
    mode: Literal["pass", "drop", "refuse"]
    delay_s: float


class RouteState(Struct, frozen=True, kw_only=True):
    cluster: str
    epoch: int
    target: str | None
    hold: bool
    connections: int
    waiting: int
    ttl_s: float | None  # what is left of the lease


class State(Struct, frozen=True, kw_only=True):
    """The whole fabric after the request."""

    pid: int
    links: tuple[LinkState, ...]
    routes: tuple[RouteState, ...]


class Failure(Struct, frozen=True, kw_only=True):
    code: str
    message: str
    hint: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    state: State | None = None
    error: Failure | None = None


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """A name of the Unix socket `path` that fits its 107 bytes however deep the directory stands."""
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)


def ask(path: Path, request: Request, timeout: float = 5.0) -> State:
    """Sends `request` to the fabric that listens on `path`, waits until it is in force, returns the fabric's state."""
    sent = False
    try:
        with short_path(path) as name, socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(timeout)
            sock.connect(name)
            sock.sendall(_encode(request))
            sent = True
            with sock.makefile("rb") as answers:
                line = answers.readline(MAX_LINE)
    except OSError as error:
        raise _unanswered(path, error, sent=sent) from error
    return _decode(path, line)


async def ask_async(path: Path, request: Request, timeout: float = 5.0) -> State:
    """`ask` for the event loop."""
    return await asyncio.to_thread(ask, path, request, timeout)


def _encode(request: Request) -> bytes:
    return msgspec.json.encode(request) + b"\n"


def _decode(path: Path, line: bytes) -> State:
    if not line.endswith(b"\n"):
        raise _unanswered(path, EOFError("it closed the connection"), sent=True)
    answer = msgspec.json.decode(line, type=Answer)
    if answer.error is not None:
        raise QxError(answer.error.code, answer.error.message, hint=answer.error.hint)
    if answer.state is None:
        raise _unanswered(path, EOFError("its answer holds neither state nor error"), sent=True)
    return answer.state


def _unanswered(path: Path, error: Exception, *, sent: bool) -> QxError:
    reason = str(error) or type(error).__name__
    if sent:
        return Unsure("QX-RUN-002", f"the fabric at {path} did not answer: {reason}")
    return QxError(
        "QX-ROUTE-001",
        f"the fabric at {path} cannot be reached: {reason}",
        hint="`qx lab status` shows whether the lab runs; `qx lab up` starts one",
    )
