"""Approvals as commands need them: what waits, what one person signs, and asking when a plan has too few."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from qx.app.deeds import record
from qx.engine import approvals
from qx.failover.approving import person, wanted_for
from qx.failover.openruns import UNENDED
from qx.kernel.errors import QxError, Refused
from qx.kernel.publickey import fingerprint, parse_public_key
from qx.model.approval import ApprovalRequest, Approved, Waiting

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.app.workbench import Workbench
    from qx.model.plan import Plan


def waiting(bench: Workbench, word: str = "") -> tuple[Waiting, ...]:
    """Requests that have not come far enough, and a plan's until it is carried out. `word`: a run or a plan, or the
    beginning of its id.
    """
    store, now = bench.store, bench.clock.now()
    asked = [each for each in approvals.requests(store) if each.name.startswith(word) and now < each.expires]
    applied = {run.plan_id for run in store.runs(1000)} if asked else set()
    found = [
        seen(bench, each) for each in asked
        if (store.run(each.run).outcome in UNENDED if each.run else each.plan not in applied)
    ]  # fmt: skip
    return tuple(each for each in found if not each.request.run or not each.enough)


def seen(bench: Workbench, request: ApprovalRequest) -> Waiting:
    try:
        return _seen(bench, request)
    except QxError as error:  # its plan is gone, or was changed
        return Waiting(request=request, approved_by=(), against=(error.message,), required=1, enough=False, clusters={})


def _seen(bench: Workbench, request: ApprovalRequest) -> Waiting:
    if request.run:
        tally = approvals.granted(bench, request)
        return Waiting(request=request, approved_by=tuple(each.by for each in tally.counted), against=tally.against,
                       required=tally.wanted.required, enough=tally.enough, clusters={})  # fmt: skip
    plan = approvals.pending(bench.store, request)
    found = approvals.consents(bench, plan, (request.by,), at_least=1)
    by = dict.fromkeys(each.by for tally in found.values() for each in tally.counted)
    against = dict.fromkeys(why for tally in found.values() for why in tally.against)
    return Waiting(
        request=request, approved_by=tuple(by), against=tuple(against),
        required=max((tally.wanted.required for tally in found.values()), default=1),
        enough=all(tally.enough for tally in found.values()),
        clusters={name: tally.wanted.words for name, tally in found.items()},
    )  # fmt: skip


def request_of(bench: Workbench, plan: Plan) -> ApprovalRequest:
    """The request for that plan, asked for in the name of who made it."""
    if plan.platform != bench.platform.platform:
        raise QxError("QX-PLAN-005", f"plan {plan.id} is of the platform '{plan.platform}'", hint="--config FILE")
    unknown = sorted(set(approvals.moved(plan)) - bench.platform.clusters.keys())
    if unknown:
        words = f"plan {plan.id} moves {unknown[0]}, which regions.yaml does not know"
        raise QxError("QX-PLAN-005", words, hint="--config FILE")
    if not approvals.moved(plan):
        raise QxError("QX-BOOK-009", f"plan {plan.id} moves no write role", hint="it wants no approval")
    return approvals.ask_for(bench, plan, plan.by)


def named(bench: Workbench, word: str) -> tuple[ApprovalRequest, ...]:
    """What waits under that run or plan. Raises QX-BOOK-009, QX-RUN-004."""
    found = waiting(bench, word)
    if len({each.request.name for each in found}) > 1:
        raise QxError("QX-BOOK-009", f"'{word}' may be several", hint="qx approve lists what waits")
    if found:
        return tuple(each.request for each in found)
    late = next((each for each in approvals.requests(bench.store) if each.name.startswith(word)), None)
    name = late.name if late is not None else bench.store.run(word).id
    if late is not None and not late.run and bench.clock.now() >= late.expires:
        approvals.check_giver(late, "", bench.clock.now())
    raise QxError("QX-BOOK-009", f"{name} waits for no approval", hint="qx approve lists what waits")


def plan_named(bench: Workbench, word: str) -> Plan:
    """The plan that was asked for, by its id or the beginning of it. Raises QX-PLAN-005."""
    found = [each for each in approvals.requests(bench.store) if not each.run and each.name.startswith(word)]
    if len(found) != 1:
        words = f"no plan '{word}' waits for approvals" if not found else f"'{word}' may be several plans"
        raise QxError("QX-PLAN-005", words, hint="qx approve lists what waits; or name the plan's file")
    return approvals.pending(bench.store, found[0])


def give(
    bench: Workbench, asked: tuple[ApprovalRequest, ...], reason: str, key: str, passphrase: Callable[[str], str]
) -> tuple[Approved, ...]:
    """Say yes, in this person's name. `key`: the private key's file; '': as the environment says. `passphrase` asks a
    person for that of the file. Raises QX-BOOK-004, QX-BOOK-009, QX-SEC-002, QX-SEC-003.
    """
    clusters = {name for each in asked for name in each.clusters or ("",)}
    if not bench.platform.approvers and any(wanted_for(bench.platform, name).signed for name in clusters):
        words = "approvals are required, and regions.yaml names no approver: nobody can give one"
        raise Refused("QX-BOOK-004", words, hint="add approvers.NAME.key to regions.yaml")
    now = bench.clock.now()
    for each in asked:
        approvals.check_giver(each, bench.operator, now)
    name, sign = _hand(bench, key, passphrase)
    return tuple(_given(bench, each, name, reason, sign) for each in asked)


def _given(
    bench: Workbench, request: ApprovalRequest, name: str, reason: str, sign: Callable[[Approved], Approved]
) -> Approved:
    wanted = [wanted_for(bench.platform, cluster, 1) for cluster in request.clusters or ("",)]
    if name and all(name not in each.of for each in wanted):
        others = ", ".join(sorted({other for each in wanted for other in each.of}))
        raise Refused("QX-BOOK-004", f"{name} is no approver of {request.name}", hint=f"these are: {others}")
    now = bench.clock.now()
    plan = None if request.run else approvals.pending(bench.store, request)
    given = sign(Approved(
        platform=bench.platform.platform, store=bench.store.store_id, plan=request.plan,
        plan_digest=request.plan_digest, run=request.run, step=request.step, clusters=request.clusters,
        epochs={} if plan is None else {stage.cluster: stage.epoch for stage in plan.stages},
        by=name or bench.operator, account=bench.operator, reason=reason, at=int(now),
        expires=int(now + min(each.expire_s for each in wanted)),
    ))  # fmt: skip
    refused = _refused(bench, request, given)
    if refused:
        raise Refused("QX-BOOK-004", refused, hint="somebody else approves")
    record(bench, "approve", request.clusters, {"approval": msgspec.to_builtins(given)})
    approvals.keep(bench.store, request, given, now)
    return given


def _refused(bench: Workbench, request: ApprovalRequest, given: Approved) -> str:
    """Why it would not count; '' when it would: told now, and not when it is too late."""
    asked = {person(request.by)}
    described = bench.platform.approvers.get(given.by)
    mine = {person(word) for word in (given.by, given.account, *(described.accounts if described else ()))}
    return f"{given.by} asked for {request.name}: somebody else has to approve it" if mine & asked else ""


def _hand(
    bench: Workbench, key: str, passphrase: Callable[[str], str]
) -> tuple[str, Callable[[Approved], Approved]]:
    """The approver's name and how he signs; '' and no signature where no approver has a key."""
    if not bench.platform.approvers:
        return "", lambda given: given
    path = key or bench.env.get("QX_APPROVAL_KEY", "")
    if not path:
        hint = "--key FILE, or export QX_APPROVAL_KEY"
        raise QxError("QX-SEC-003", "an approval is signed, and no key was named", hint=hint)
    from qx.adapters.ed25519 import open_key

    signer = open_key(Path(path).expanduser(), lambda: bench.env.get("QX_APPROVAL_PASSPHRASE") or passphrase(path))
    mark = fingerprint(signer.public)
    for name, approver in bench.platform.approvers.items():
        if parse_public_key(approver.key) == signer.public:
            return name, lambda given: _signed(given, mark, signer.sign)
    raise Refused("QX-BOOK-004", f"the key {mark} is no approver's", hint="add it under approvers in regions.yaml")


def _signed(given: Approved, mark: str, sign: Callable[[bytes], str]) -> Approved:
    named = replace(given, key=mark)
    return replace(named, signature=sign(named.statement))


def ask_if_lacking(bench: Workbench, plan: Plan, refusal: Refused) -> Refused:
    """The plan is kept, so that others can approve it by its id; the refusal says how it goes on. Where nobody could
    ever approve it, it is refused as it stands.
    """
    wanted = [wanted_for(bench.platform, name) for name in approvals.moved(plan)]
    if any(each.required and not each.of for each in wanted):
        return Refused(refusal.code, refusal.message, hint="add approvers.NAME.key to regions.yaml")
    approvals.ask_for(bench, plan, plan.by)
    hint = f"others say: qx approve {plan.id} --reason TEXT; then: qx apply {plan.id}"
    return Refused(refusal.code, refusal.message, hint=hint)
