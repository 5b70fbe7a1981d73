"""Answers that did not come, or said no, as the ports name them; and which of Silence's reasons an OS error means.

    NoAnswer    QX-NODE-001  it could not even be asked
    LostAnswer  QX-RUN-002   it was asked, and no answer came
    Declined    QX-NODE-007  it answered, and said no in its own words

Their texts hold no secret: whoever raises one has put foreign words through `without`.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import quote

from qx.kernel.errors import QxError, Unsure

if TYPE_CHECKING:
    from qx.model.observation import Marker, Reason

HUNG_UP = "it closed the connection before it answered"
ENDED = "this run's session with it was ended, so nothing was sent"

_ERRNO = re.compile(r"\[Errno (\d+)\]")
_PASSWORD = re.compile(r"(password\s*=\s*)('(?:[^'\\]|\\.)*'|\S+)", re.IGNORECASE)
_USERINFO = re.compile(r"(://[^:/@\s]*:)[^@\s]+@")


class NoAnswer(QxError):
    """Nothing was sent that could have had an effect."""

    def __init__(self, node: str, reason: Reason, detail: str) -> None:
        super().__init__("QX-NODE-001", f"{node} cannot be asked: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class LostAnswer(Unsure):
    """What was asked may have been done, or not."""

    def __init__(self, node: str, reason: Reason, detail: str) -> None:
        super().__init__("QX-RUN-002", f"{node} was asked, and its answer did not come: {detail}")
        self.reason: Reason = reason
        self.detail = detail


class Declined(QxError):
    """`state` is the SQLSTATE, or the first word of a Redis error; `words` are the server's own."""

    def __init__(self, node: str, state: str, words: str, *, hint: str = "") -> None:
        super().__init__("QX-NODE-007", f"{node}: {words}", hint=hint)
        self.state = state
        self.words = words


def reason_of(error: OSError) -> tuple[Reason, str]:
    """Why a connection was not made, or broke, and the words for it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "auth", f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        words = getattr(error, "reason", "") or "handshake failed"  # only OpenSSL's own errors have it
        return "protocol", f"no TLS with it: {words.lower().replace('_', ' ')}"
    if isinstance(error, socket.gaierror):
        return "unreachable", f"its name does not resolve: {error.strerror}"
    number = error.errno or _first_errno(str(error))
    if number == errno.ECONNREFUSED:
        return "refused", "connection refused"
    if number == errno.ETIMEDOUT or isinstance(error, TimeoutError):
        return "timeout", "connection timed out"
    if number in {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED} or isinstance(error, ConnectionError):
        return "refused", HUNG_UP
    return "unreachable", os.strerror(number).lower() if number else type(error).__name__


def ruled(node: str, marker: Marker, store_id: str, epoch: int, *, force: bool) -> QxError:
    """Why `marker` may not replace the one of `store_id` and `epoch` that stands there."""
    if store_id != marker.store_id and not force:
        return QxError("QX-STORE-003", f"{node} is ruled by store {store_id} (epoch {epoch}), not by {marker.store_id}")
    return QxError("QX-STORE-006", f"{node} has seen epoch {epoch} of store {store_id}, this is epoch {marker.epoch}")


def without(secret: str, text: str) -> str:
    """`text` without `secret`, as it is or percent-encoded, and without anything that looks like a password."""
    for form in (secret, quote(secret, safe="")) if secret else ():
        text = text.replace(form, "***")
    return _USERINFO.sub(r"\1***@", _PASSWORD.sub(r"\1***", text))


def _first_errno(text: str) -> int:
    """Several failed addresses come from asyncio as one error that has no number of its own."""
    found = _ERRNO.search(text)
    return int(found[1]) if found else 0
