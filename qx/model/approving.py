"""What regions.yaml says of approvals: who may give one, with which key, how many a move needs; who may send rules."""

from __future__ import annotations

from qx.kernel.spans import Seconds
from qx.model.file import File


class Approver(File, frozen=True, kw_only=True):
    """A person who may approve. The private key never leaves that person."""

    key: str  # Ed25519 public key: the line of `ssh-keygen -t ed25519`, or its 32 bytes in base64
    accounts: tuple[str, ...] = ()  # under which this person asks for moves; the approver's name always is one


class Submitter(File, frozen=True, kw_only=True):
    """Who may send rule packs and lists for review: a person or a program. The private key never leaves them."""

    key: str  # Ed25519 public key, as an approver's
    accounts: tuple[str, ...] = ()  # other names of theirs; under none of them may they accept what they sent


class ApprovalRule(File, frozen=True, kw_only=True):
    """N of M: so many approvers sign the very plan. Whoever asked for it, or carries it out, does not count."""

    required: int = 0  # approvals of each move of the write role; without approvers it can only be refused
    of: tuple[str, ...] = ()  # names of approvers; empty: all of them
    expire: Seconds = Seconds(900)  # an approval, or a request for one, older than this counts nothing
