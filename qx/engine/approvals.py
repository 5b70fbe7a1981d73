"""Consent that a plan or a run waits for: requests and approvals in the store, and the check just before it counts.

What counts is told by `qx.failover.approving` from the signed approvals themselves, each time; that something was found
approved is written down nowhere to be believed later. An approval is bound to the plan's digest, so a plan that was
changed has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from qx.engine import records
from qx.failover.approving import Subject, Tally, same_person, tally, wanted_for
from qx.kernel.errors import QxError, Refused
from qx.kernel.spans import format_seconds
from qx.model.approval import ApprovalRequest, Approved, Pending
from qx.model.plan import Handover, Promote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.model.plan import Plan
    from qx.model.platform import Platform
    from qx.ports.clock import Clock
    from qx.ports.store import Store

KEPT_S = 30 * 86400.0  # after it expired, so that who comes late is told so
MOVES = ("planned", "unplanned")


class Court(Protocol):
    """What judging an approval takes: a world, or a workbench."""

    @property
    def platform(self) -> Platform: ...

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> Clock: ...

    def signed_by(self, key: bytes, message: bytes, signature: str) -> bool:
        """Whether `signature` (base64) is the Ed25519 signature of `message` by the owner of `key`."""


# -- requests
def ask(
    store: Store, plan: Plan, run: str, step: str, message: str, now: float, lasting: float
) -> ApprovalRequest:
    """The request of that step; the one that stands already, if it was asked before."""
    standing = records.read(store, ApprovalRequest, f"{run}/{step}")
    if standing is not None:
        return standing
    request = ApprovalRequest(
        run=run, step=step, plan=plan.id, plan_digest=plan.digest, by=store.run(run).by, message=message, asked_at=now,
        expires=now + lasting,
    )  # fmt: skip
    records.write(store, request, request.key, expect=0, ttl=lasting + KEPT_S)
    return request


def ask_for(court: Court, plan: Plan, by: str, *, daemon: bool = False) -> ApprovalRequest:
    """The request for a plan that was not begun, kept with the plan, until the first of its clusters' rules expires
    it. One that stands is kept; one that has expired is made anew. `daemon`: it carries the plan out by itself.
    """
    now, standing = court.clock.now(), records.read(court.store, ApprovalRequest, plan.id)
    if standing is not None and standing.plan_digest == plan.digest and now < standing.expires:
        return standing
    clusters = moved(plan)
    lasting = min(wanted_for(court.platform, name).expire_s for name in clusters or ("",))
    request = ApprovalRequest(
        plan=plan.id, plan_digest=plan.digest, clusters=clusters, by=by, message=words_of(plan), asked_at=now,
        expires=now + lasting, daemon=daemon,
    )  # fmt: skip
    records.write(court.store, Pending(plan=plan), plan.id, ttl=lasting + KEPT_S)
    records.write(court.store, request, request.key, ttl=lasting + KEPT_S)
    return request


def pending(store: Store, request: ApprovalRequest) -> Plan:
    """The very plan that the request is for. Raises QX-BOOK-009 when it is gone, QX-PLAN-005 when it was changed."""
    found = records.read(store, Pending, request.plan)
    if found is None:
        raise QxError("QX-BOOK-009", f"plan {request.plan} is not kept any more", hint="plan again")
    if found.plan.digest != request.plan_digest:
        raise QxError("QX-PLAN-005", f"plan {request.plan} in the store is not the one that was asked for")
    return found.plan


def withdraw(store: Store, request: ApprovalRequest) -> None:
    """Nobody can approve it any more."""
    store.drop(ApprovalRequest.KIND, request.key)
    store.drop(Pending.KIND, request.plan)


def requests(store: Store, run: str = "") -> tuple[ApprovalRequest, ...]:
    """Those that were made, of one run or of all."""
    found = (msgspec.convert(each.value, ApprovalRequest) for each in store.records(ApprovalRequest.KIND))
    return tuple(request for request in found if not run or request.run == run)


def words_of(plan: Plan) -> str:
    """What the plan does, in a line."""
    moves = (f"{stage.cluster} {stage.source or '?'} -> {stage.target} ({stage.mode})" for stage in plan.stages)
    return f"{plan.intent}: {', '.join(moves)}" + (", and back" if plan.intent == "drill" else "")


def moved(plan: Plan) -> tuple[str, ...]:
    """Clusters whose write role the plan moves: what its stages say, and what its steps would do whatever they say."""
    said = [stage.cluster for stage in plan.stages if stage.mode in MOVES]
    done = [step.action.cluster for step in plan.steps if isinstance(step.action, (Promote, Handover))]
    return tuple(dict.fromkeys([*said, *done]))


# -- approvals
def keep(store: Store, request: ApprovalRequest, given: Approved, now: float) -> None:
    """A later one of the same person takes the place of the one before."""
    lasting = max(0.0, given.expires - now) + KEPT_S
    records.write(store, given, f"{request.key}/{given.by}", ttl=lasting)


def check_giver(request: ApprovalRequest, by: str, now: float) -> None:
    """Raises Refused QX-BOOK-004 for the requester, QxError QX-BOOK-009 when it has expired."""
    if same_person(by, request.by):
        raise Refused("QX-BOOK-004", f"{by} asked for it: somebody else has to approve {request.name}")
    if now >= request.expires:
        late = format_seconds(now - request.expires)
        raise QxError("QX-BOOK-009", f"the request of {request.name} expired {late} ago",
                      hint="run the runbook again" if request.run else "plan again")  # fmt: skip


def granted(court: Court, request: ApprovalRequest) -> Tally:
    """How far a run's request has come: given before it expired, and counting now."""
    subject = Subject(
        court.platform.platform, court.store.store_id, request.plan, request.plan_digest, request.run, request.step
    )
    given = (each for each in _given(court.store, request.plan_digest) if each.at <= request.expires)
    return _tally(court, given, (subject,), "", 1, (request.by,))


def consents(
    court: Court, plan: Plan, by: tuple[str, ...], *, within: str = "", back_from: Plan | None = None, at_least: int = 0
) -> dict[str, Tally]:
    """For each cluster that the plan moves. `by`: who carries it out. `within`: run/step of the runbook that it is part
    of, whose approvals count as well, and so do those of `back_from`: the drill of which this is the way back.
    `at_least`: although its cluster asks for fewer.
    """
    clusters = moved(plan)
    if not any(wanted_for(court.platform, name, at_least).required for name in clusters):
        return {}
    asked, name, store_id = (plan.by, plan.consent.by, *by), court.platform.platform, court.store.store_id
    subjects, digests = [Subject(name, store_id, plan.id, plan.digest)], [plan.digest]
    if within:
        outer = court.store.run(within.partition("/")[0])
        subjects.append(Subject(name, store_id, outer.plan_id, outer.plan_digest, outer.id, None))
        digests.append(outer.plan_digest)
        asked = (*asked, outer.by)
    if back_from is not None:
        subjects.append(Subject(name, store_id, back_from.id, back_from.digest))
        digests.append(back_from.digest)
        asked = (*asked, back_from.by)
    given = tuple(_given(court.store, *digests))
    who = tuple(account for account in asked if account)
    return {cluster: _tally(court, given, tuple(subjects), cluster, at_least, who) for cluster in clusters}


def check(
    court: Court, plan: Plan, by: tuple[str, ...], *, within: str = "", back_from: Plan | None = None, at_least: int = 0
) -> dict[str, Any]:
    """The gate `approvals`, where it counts: just before the plan is begun. What is to be journalled: the approvals
    that let it pass, whole, so that they can be verified again. The rest as `consents`. Raises Refused QX-PLAN-009.
    """
    found = consents(court, plan, by, within=within, back_from=back_from, at_least=at_least)
    lacking = [f"{cluster}: {each.words}" for cluster, each in found.items() if not each.enough]
    if lacking:
        raise Refused("QX-PLAN-009", "; ".join(lacking), hint=f"qx approve {plan.id} --reason TEXT")
    counted = {f"{each.run}/{each.step}/{each.by}": each for one in found.values() for each in one.counted}
    return {"approvals": msgspec.to_builtins(tuple(counted.values()))} if counted else {}


def _given(store: Store, *digests: str) -> Iterable[Approved]:
    for each in store.records(Approved.KIND):
        if each.value.get("plan_digest") in digests:
            yield msgspec.convert(each.value, Approved)


def _tally(
    court: Court, given: Iterable[Approved], of: tuple[Subject, ...], cluster: str, at_least: int, by: tuple[str, ...]
) -> Tally:
    wanted = wanted_for(court.platform, cluster, at_least)
    return tally(given, of, wanted, court.platform, by, court.clock.now(), court.signed_by)
