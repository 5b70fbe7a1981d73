"""Door: what is sent over HTTP for review, let in only when it is signed by a submitter, lately, and not twice.

    QX-Submitter: NAME            of submitters in regions.yaml
    QX-Timestamp: 1795338000      Unix seconds
    QX-Signature: BASE64          Ed25519, over the line `qx.candidate/1`, the timestamp, a newline, and the body

Invariants: nothing is kept of what is turned away; whoever is turned away learns that, and not which key is known.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from qx.kernel.errors import QxError
from qx.kernel.publickey import parse_public_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qx.app.review import Review
    from qx.model.approving import Submitter
    from qx.model.candidate import Submission
    from qx.ports.clock import Clock

HEAD = b"qx.candidate/1\n"
WINDOW_S, AHEAD_S = 300, 60  # a timestamp may be so old, or so far ahead
WEBHOOK = "webhook"


def statement(timestamp: int, body: bytes) -> bytes:
    """What is signed."""
    return HEAD + f"{timestamp}\n".encode() + body


class Door:
    """`signed_by`: public key, message, base64 of the signature."""

    def __init__(
        self, review: Review, submitters: Mapping[str, Submitter], clock: Clock,
        signed_by: Callable[[bytes, bytes, str], bool], told: Callable[[Submission], None],
    ) -> None:
        self._review, self._submitters, self._clock = review, submitters, clock
        self._signed_by, self._told = signed_by, told
        self._seen: dict[bytes, float] = {}  # of each statement that was let in, until its window is over

    def admit(self, headers: Mapping[str, str]) -> None:
        """By its headers alone (their names in lower case), before its body is read. Raises QX-RULE-004."""
        stamp = headers.get("qx-timestamp", "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise QxError("QX-RULE-004", "QX-Timestamp is missing, or no count of seconds")
        age = self._clock.now() - int(stamp)
        if not -AHEAD_S <= age <= WINDOW_S:
            hint = f"at most {WINDOW_S} s; see both clocks"
            raise QxError("QX-RULE-004", f"QX-Timestamp is {age:.0f} s old", hint=hint)
        if not headers.get("qx-submitter") or not headers.get("qx-signature"):
            raise QxError("QX-RULE-004", "QX-Submitter or QX-Signature is missing")

    def take(self, headers: Mapping[str, str], body: bytes) -> Submission:
        """Raises QX-RULE-004."""
        self.admit(headers)
        stamp = int(headers["qx-timestamp"])
        name = headers["qx-submitter"]
        said = statement(stamp, body)
        if not self._is_theirs(name, said, headers["qx-signature"]):
            raise QxError("QX-RULE-004", "the signature is not that of a submitter over this timestamp and body")
        now = self._clock.now()
        self._seen = {each: until for each, until in self._seen.items() if until > now}
        mark = hashlib.sha256(name.encode() + b"\n" + said).digest()
        if mark in self._seen:
            raise QxError("QX-RULE-004", "this very message came before")
        known = self._review.known(body)
        candidate = known or self._review.submit(body, name, WEBHOOK)
        self._seen[mark] = stamp + WINDOW_S + 1
        if known is None:
            self._told(candidate)
        return candidate

    def _is_theirs(self, name: str, said: bytes, signature: str) -> bool:
        described = self._submitters.get(name)
        return described is not None and self._signed_by(parse_public_key(described.key), said, signature)
