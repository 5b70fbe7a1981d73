"""ApprovalRequest and Approved: consent that a run waits for, bound to the plan's digest. Records of the store."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct


class ApprovalRequest(Struct, frozen=True, kw_only=True):
    """Somebody else than `by` has to say yes before `expires`. Key: run/step."""

    KIND: ClassVar[str] = "approval-request"
    run: str
    step: str
    plan_digest: str
    by: str  # who asks
    message: str  # what is consented to
    asked_at: float
    expires: float

    @property
    def key(self) -> str:
        return f"{self.run}/{self.step}"


class Approved(Struct, frozen=True, kw_only=True):
    """Key: run/step, as of the request."""

    KIND: ClassVar[str] = "approval"
    run: str
    step: str
    plan_digest: str
    by: str
    reason: str
    at: float
