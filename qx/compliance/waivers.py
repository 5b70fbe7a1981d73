"""Waivers: who may ask for one and who may give it, what becomes of one, and of which findings it speaks. Pure.

Invariants: whoever asks does not give; nor does anybody who created, approved or settles the transaction; a rule that
blocks is waived only where it is a house rule whose pack says so; a waiver ends by itself, and speaks of no other pack
than the one it was asked for. It never changes a status.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins
from msgspec.structs import replace

from qx.compliance.names import normal
from qx.kernel.canon import digest
from qx.kernel.errors import Refused
from qx.model.waiver import Waiver

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from qx.model.evidence import Note, Noted
    from qx.model.rules import Rule, RulePack
    from qx.model.waiver import Act, WaiverState

KINDS = ("override", "waiver")
LONGEST = timedelta(days=366)
WORKFLOW = ("workflow.createdBy", "workflow.approvedBy", "workflow.settledBy")
ENDS: dict[str, WaiverState] = {"refuse": "refused", "revoke": "revoked"}


def person(account: str) -> str:
    """`Ada@host` is ada."""
    return account.partition("@")[0].strip().casefold()


def check_rule(rule: Rule) -> None:
    """Raises QX-WAIVE-001."""
    if rule.severity == "info":
        raise Refused("QX-WAIVE-001", f"{rule.id} decides nothing: there is nothing to waive")
    if rule.severity == "block" and not (rule.waivable and rule.status == "house"):
        why = "its pack does not let it be" if rule.status == "house" else "it is no rule of the house"
        raise Refused("QX-WAIVE-001", f"{rule.id} blocks, and cannot be waived: {why}")


def check_until(until: datetime, now: datetime) -> None:
    """Raises QX-WAIVE-001."""
    if until <= now:
        raise Refused("QX-WAIVE-001", "it would have ended already", hint="--until a later instant")
    if until - now > LONGEST:
        said = f"it would stand for more than {LONGEST.days} days"
        raise Refused("QX-WAIVE-001", said, hint="--until an earlier instant")


def requested(
    rule: Rule, pack: RulePack, regions: tuple[str, ...], until: datetime, now: datetime, *, by: str, account: str,
    reason: str, validation: str = "", transaction: str = "", counterparty: str = "",
) -> Waiver:  # fmt: skip
    """Raises QX-WAIVE-001."""
    check_rule(rule)
    check_until(until, now)
    made = Waiver(
        id="", kind="override" if validation else "waiver", rule=rule.id, severity=rule.severity, pack=pack.pack,
        pack_digest=digest(to_builtins(pack)), regions=regions, validation=validation, transaction=transaction,
        counterparty=counterparty, until=text(until), reason=reason, requested_by=by, account=account,
        requested_at=text(now),
    )  # fmt: skip
    return replace(made, id=f"wv-{digest(to_builtins(made))[:12]}")


def folded(notes: Iterable[Noted], now: datetime) -> dict[str, Waiver]:
    """By id, as they stand at that instant, in the order in which they were asked for."""
    found: dict[str, Waiver] = {}
    for noted in sorted(notes, key=lambda each: (each.at, each.block)):
        note = noted.note
        if note.kind not in KINDS:
            continue
        if note.payload.get("act") == "request":
            found.setdefault(note.about, _read(note))
        elif note.about in found:
            found[note.about] = _turned(found[note.about], note)
    return {name: _ended(each, now) for name, each in found.items()}


def _read(note: Note) -> Waiver:
    from msgspec import convert

    return convert({key: value for key, value in note.payload.items() if key != "act"}, Waiver)


def _turned(waiver: Waiver, note: Note) -> Waiver:
    """What comes too late, or from who may not, changes nothing: it is in the record and that is all."""
    act = str(note.payload.get("act"))
    may = {"approve": ("requested",), "refuse": ("requested",), "revoke": ("requested", "approved")}.get(act, ())
    late = act == "approve" and instant(note.at) >= instant(waiver.until)
    if waiver.state not in may or late or (act == "approve" and person(note.who) == person(waiver.requested_by)):
        return waiver
    account = str(note.payload.get("account", ""))
    if act == "approve":
        return replace(waiver, state="approved", approved_by=note.who, approved_account=account, approved_at=note.at,
                       approved_reason=note.reason)  # fmt: skip
    return replace(waiver, state=ENDS[act], ended_by=note.who, ended_account=account, ended_at=note.at,
                   ended_reason=note.reason)  # fmt: skip


def _ended(waiver: Waiver, now: datetime) -> Waiver:
    open_ = waiver.state in ("requested", "approved")
    return replace(waiver, state="expired") if open_ and instant(waiver.until) <= now else waiver


def check_decision(waiver: Waiver, act: Act, by: str, workflow: Mapping[str, Any]) -> None:
    """`workflow`: who did what of the transaction, by path. Raises QX-WAIVE-001, QX-WAIVE-002."""
    may = ("requested", "approved") if act == "revoke" else ("requested",)
    if waiver.state not in may:
        who = waiver.ended_by or waiver.approved_by
        said = f" by {who}" if who and waiver.state != "expired" else ""
        raise Refused("QX-WAIVE-001", f"{waiver.id} is {waiver.state}{said}")
    if act != "approve":
        return
    if person(by) == person(waiver.requested_by):
        raise Refused("QX-WAIVE-002", f"{waiver.requested_by} asked for {waiver.id}: somebody else has to approve it")
    theirs = takes_part(by, workflow)
    if theirs:
        raise Refused("QX-WAIVE-002", f"{by} stands in the transaction as {theirs}: somebody else has to approve it")


def takes_part(by: str, workflow: Mapping[str, Any]) -> str:
    """Which of workflow.* names this person; '' none."""
    return next((path for path in WORKFLOW if person(str(workflow.get(path, ""))) == person(by) != ""), "")


def speaks_of(
    waiver: Waiver, validation: str, rules: Container[str], packs: Mapping[str, str], given: Mapping[str, Any],
    at: datetime,
) -> bool:
    """Whether it stood beside that validation at that moment. `rules`: that were not kept; `packs`: name -> digest;
    `given`: the canonical transaction.
    """
    if not waiver.approved_at or waiver.rule not in rules or packs.get(waiver.pack) != waiver.pack_digest:
        return False
    ends = min(instant(each) for each in (waiver.until, waiver.ended_at) if each)
    if at >= ends or takes_part(waiver.approved_by, given):
        return False
    if waiver.kind == "override":
        return waiver.validation == validation
    return instant(waiver.approved_at) <= at and is_of(waiver.counterparty, given)


def is_of(counterparty: str, given: Mapping[str, Any]) -> bool:
    """By LEI, or by its name however it is spelled."""
    if counterparty == given.get("counterparty.lei"):
        return True
    return normal(counterparty) == normal(str(given.get("counterparty.name", ""))) != ""


def instant(said: str) -> datetime:
    return datetime.fromisoformat(said)


def text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
