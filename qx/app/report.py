"""The regulatory summary of a region, gathered from its record; and saying that an obligation was fulfilled."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import json, to_builtins

from qx.compliance.report import FULFILLED, LOOKED_BACK, Ledger
from qx.compliance.waivers import text
from qx.kernel.canon import digest
from qx.kernel.errors import QxError
from qx.model.evidence import Note
from qx.model.rules import RulePack
from qx.ports.evidence import Evidence

if TYPE_CHECKING:
    from qx.app.compliance import Desk
    from qx.model.evidence import Content, RecordAudit
    from qx.model.report import ComplianceReport
    from qx.ports.clock import Clock


class Read(Evidence, Protocol):
    """A record that can be verified, and that kept what its rows rest on."""

    def verify(self, region: str) -> RecordAudit: ...

    def content(self, region: str, digest: str) -> Content | None: ...


def summary(
    desk: Desk, evidence: Read, clock: Clock, word: str, since: datetime, until: datetime
) -> ComplianceReport:
    """`word`: a region, its alias or a jurisdiction. Raises QX-OBS-001, QX-STORE-*, QX-CLI-001."""
    if since >= until:
        said = f"{text(since)} is not before {text(until)}"
        raise QxError("QX-CLI-001", said, hint="--from the earlier, --to the later")
    region, jurisdictions = desk.region(word)
    notes = evidence.notes(region, "", 0.0, until.timestamp())
    held = {digest(to_builtins(pack)): pack for pack in desk.packs}
    now = datetime.fromtimestamp(clock.now(), UTC)
    ledger = Ledger(since, until, now, lambda wanted: held.get(wanted) or _kept(evidence, region, wanted), notes)
    for found in evidence.range(region, (since - LOOKED_BACK).timestamp(), until.timestamp()):
        ledger.add(found)
    return ledger.report(region, jurisdictions, evidence.verify(region))


def _kept(evidence: Read, region: str, wanted: str) -> RulePack | None:
    """A pack that is in force no more, from the record's own copy."""
    found = evidence.content(region, wanted)
    return None if found is None else json.decode(found.body, type=RulePack)


def fulfilled(
    evidence: Evidence, clock: Clock, validation: str, rule: str, by: str, account: str, reason: str
) -> Note:
    """Kept beside the validation whose obligation it is. Raises QX-TXN-003, QX-TXN-005, QX-STORE-005."""
    found = evidence.find(validation)
    if found is None:
        raise QxError("QX-TXN-005", f"no validation '{validation}' is in the record", hint="validate it first")
    known = {each.rule_id for each in found.row.obligations}
    if rule.upper() not in known:
        said = f"{validation} obliges to nothing by {rule.upper()}"
        raise QxError("QX-TXN-003", said, hint=f"it does by: {', '.join(sorted(known)) or 'none'}")
    note = Note(
        kind=FULFILLED, about=validation, who=by, at=text(datetime.fromtimestamp(int(clock.now()), UTC)), reason=reason,
        payload={"rule": rule.upper(), "transaction": found.row.transaction_id, "account": account},
    )  # fmt: skip
    if evidence.note(found.basis.region, note).lost:
        raise QxError("QX-STORE-005", f"it could not be kept in the record of {found.basis.region}")
    return note
