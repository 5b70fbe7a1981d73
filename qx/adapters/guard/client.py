"""How qx asks a guard: one question over its Unix socket, one answer, within a deadline. Blocking; a verb of a node's
control runs it in a thread of its own.

Errors: QX-NODE-011 where no guard is, or it denies; Refused QX-NODE-002 for a lower epoch; Unsure QX-RUN-002 when it
was told something and did not answer.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from msgspec import Struct

from qx.adapters.fabric import short_path
from qx.kernel.errors import QxError, Refused, Unsure

if TYPE_CHECKING:
    from pathlib import Path

    from qx.adapters.guard.duty import Term
    from qx.adapters.node.deadline import Deadline

_LONGEST = 1 << 16


class Told(Struct, frozen=True, kw_only=True, tag_field="is", tag="told"):
    """`left`: seconds until the deadline, None without one. `binds`: the server would not outlive the guard."""

    guard: str
    server: int | None
    binds: bool
    epoch: int
    deadline: float | None
    margin: float | None
    left: float | None
    exited: Literal["", "clean", "crash", "expired"]


class _Denial(Struct, frozen=True, kw_only=True, tag_field="is", tag="denied"):
    why: Literal["epoch", "late", "bad"]
    message: str


_decoder = msgspec.json.Decoder(Told | _Denial)


class GuardClient:
    """`where`: the node, for messages."""

    def __init__(self, path: Path, where: str) -> None:
        self._path, self._where = path, where

    def status(self, deadline: Deadline) -> Told:
        return self._ask({"do": "status"}, deadline)

    def extend(self, epoch: int, term: Term, deadline: Deadline) -> Told:
        """When it returns the term is in force."""
        told = {"sent": term.sent, "deadline": term.until, "margin": term.margin, "paused": term.paused}
        return self._ask({"do": "extend", "epoch": epoch, **told}, deadline)

    def disarm(self, epoch: int, deadline: Deadline) -> Told:
        return self._ask({"do": "disarm", "epoch": epoch}, deadline)

    def _ask(self, question: dict[str, Any], deadline: Deadline) -> Told:
        sent = False
        try:
            with short_path(self._path) as name, socket.socket(socket.AF_UNIX) as link:
                link.settimeout(max(0.001, deadline.left))
                link.connect(name)
                link.sendall(msgspec.json.encode(question) + b"\n")
                sent = True
                with link.makefile("rb") as answers:
                    line = answers.readline(_LONGEST)
        except OSError as error:
            raise self._unanswered(str(error) or type(error).__name__, sent=sent) from error
        if not line.endswith(b"\n"):
            raise self._unanswered("it closed the connection", sent=sent)
        try:
            answer: Told | _Denial = _decoder.decode(line)
        except msgspec.DecodeError as error:
            raise self._unanswered(f"it cannot be understood: {error}", sent=sent) from error
        if isinstance(answer, _Denial):
            raise self._denied(answer)
        return answer

    def _unanswered(self, why: str, *, sent: bool) -> QxError:
        if sent:
            words = f"{self._where}: its guard did not answer: {why}"
            return Unsure("QX-RUN-002", words, hint="it may be frozen: inspect the node")
        words = f"{self._where}: no guard listens at {self._path}: {why}"
        return QxError("QX-NODE-011", words, hint="start the server through qx, with `guard: true`")

    def _denied(self, denial: _Denial) -> QxError:
        words = f"{self._where}: its guard said no: {denial.message}"
        if denial.why == "epoch":
            return Refused("QX-NODE-002", words, hint="a newer run acts here: qx runs list")
        return QxError("QX-NODE-011", words, hint="inspect the node: a server whose time is over is ended")
