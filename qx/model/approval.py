"""ApprovalRequest, Approved: consent that a plan or a run waits for, bound to the plan's digest. Kept in the store."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct, to_builtins

from qx.kernel.canon import canonical
from qx.model.plan import Plan

HEAD = b"qx.approval/1\n"  # what is signed is this and nothing else's


class ApprovalRequest(Struct, frozen=True, kw_only=True):
    """Somebody else than `by` has to say yes before `expires`. Of a run that waits, or of a plan that was not begun."""

    KIND: ClassVar[str] = "approval-request"
    run: str = ""  # that waits in `step`; '': the plan was not begun
    step: str = ""
    plan: str = ""
    plan_digest: str
    clusters: tuple[str, ...] = ()
    by: str  # who asks
    message: str  # what is consented to
    asked_at: float
    expires: float
    daemon: bool = False  # the daemon carries it out once it is approved

    @property
    def key(self) -> str:
        return f"{self.run}/{self.step}" if self.run else self.plan

    @property
    def name(self) -> str:
        """What `qx approve` calls it."""
        return self.run or self.plan


class Pending(Struct, frozen=True, kw_only=True):
    """The plan that a request asks for. Key: the plan."""

    KIND: ClassVar[str] = "pending-plan"
    plan: Plan


class Approved(Struct, frozen=True, kw_only=True):
    """One person's yes to one plan. Key: that of the request, and the person.

    `signature` is over everything else (`statement`); it is '' where no approver has a key. Instants are whole Unix
    seconds, so that the signed bytes are the same everywhere.
    """

    KIND: ClassVar[str] = "approval"
    platform: str
    store: str
    plan: str
    plan_digest: str
    run: str = ""
    step: str = ""
    clusters: tuple[str, ...] = ()
    epochs: dict[str, int] = {}  # cluster -> the epoch that the plan was made under
    by: str  # the approver's name; where no approver has a key, the account
    account: str  # account@machine that gave it
    key: str = ""  # fingerprint of the approver's key
    reason: str
    at: int
    expires: int
    signature: str = ""  # base64

    @property
    def statement(self) -> bytes:
        """What is signed: a head line, and the canonical JSON of all fields but the signature."""
        said = to_builtins(self)
        del said["signature"]
        return HEAD + canonical(said)


class Waiting(Struct, frozen=True, kw_only=True):
    """A request as people see it: how far it has come."""

    request: ApprovalRequest
    approved_by: tuple[str, ...]  # whose approval counts now
    against: tuple[str, ...]  # why others do not
    required: int  # of the cluster that asks for most
    enough: bool  # for every cluster
    clusters: dict[str, str]  # cluster -> how many of whom are required there; none of a runbook's step
