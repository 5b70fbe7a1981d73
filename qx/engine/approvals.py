"""Consent that a run waits for: the request, the approval, and the one function that says whether it counts.

Invariants: a request names the run, the step and the plan's digest, and expires; nobody approves what he asked for
himself; an approval of another plan counts nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from qx.engine import records
from qx.kernel.errors import QxError, Refused
from qx.model.approval import ApprovalRequest, Approved

if TYPE_CHECKING:
    from qx.model.plan import Plan
    from qx.ports.store import Store

KEPT_S = 30 * 86400.0  # after it expired, so that who comes late is told so


def ask(
    store: Store, plan: Plan, run: str, step: str, message: str, now: float, lasting: float
) -> ApprovalRequest:
    """The request of that step; the one that stands already, if it was asked before."""
    key = f"{run}/{step}"
    standing = records.read(store, ApprovalRequest, key)
    if standing is not None:
        return standing
    request = ApprovalRequest(
        run=run, step=step, plan_digest=plan.digest, by=store.run(run).by, message=message, asked_at=now,
        expires=now + lasting,
    )  # fmt: skip
    records.write(store, request, key, expect=0, ttl=lasting + KEPT_S)
    return request


def granted(store: Store, request: ApprovalRequest) -> Approved | None:
    """The approval that counts for this request, if there is one."""
    found = records.read(store, Approved, request.key)
    if found is None or found.plan_digest != request.plan_digest or found.at > request.expires:
        return None
    return None if same_person(found.by, request.by) else found


def approve(store: Store, request: ApprovalRequest, by: str, reason: str, now: float) -> Approved:
    """Raises Refused QX-BOOK-004 for the requester, QxError QX-BOOK-009 when it has expired."""
    if same_person(by, request.by):
        raise Refused("QX-BOOK-004", f"{by} asked for it: somebody else has to approve run {request.run}")
    if now > request.expires:
        raise QxError("QX-BOOK-009", f"the request of run {request.run} has expired", hint="run the runbook again")
    given = Approved(run=request.run, step=request.step, plan_digest=request.plan_digest, by=by, reason=reason, at=now)
    records.write(store, given, request.key, ttl=request.expires - now + KEPT_S)
    return given


def requests(store: Store, run: str = "") -> tuple[ApprovalRequest, ...]:
    """Those that were made, of one run or of all."""
    found = (msgspec.convert(each.value, ApprovalRequest) for each in store.records(ApprovalRequest.KIND))
    return tuple(request for request in found if not run or request.run == run)


def same_person(one: str, other: str) -> bool:
    """`account@machine`: the same account on another machine is the same person."""
    return one.partition("@")[0].casefold() == other.partition("@")[0].casefold()
