"""Waivers: asked for, given, refused, taken back; each act is a note in the record of every region that it is of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import to_builtins

from qx.compliance.waivers import KINDS, check_decision, folded, requested, text
from qx.kernel.canon import digest
from qx.kernel.errors import QxError, Refused
from qx.kernel.text import did_you_mean
from qx.model.evidence import Note, Noted

if TYPE_CHECKING:
    from qx.app.compliance import Desk
    from qx.model.evidence import Found
    from qx.model.rules import RulePack
    from qx.model.waiver import Act, Waiver
    from qx.ports.clock import Clock
    from qx.ports.evidence import Evidence

EVER = 1e12  # Unix seconds: later than any note


class Waivers:
    """`account`: account@machine of who types."""

    def __init__(self, desk: Desk, evidence: Evidence, clock: Clock, account: str) -> None:
        self._desk, self._evidence, self._clock, self.account = desk, evidence, clock, account

    @property
    def now(self) -> datetime:
        """To the second."""
        return datetime.fromtimestamp(int(self._clock.now()), UTC)

    def all(self) -> tuple[Waiver, ...]:
        """Of every region, in the order in which they were asked for. Raises QX-STORE-*."""
        return tuple(folded(self._notes(), self.now).values())

    def _notes(self) -> list[Noted]:
        return [
            noted for region in self._desk.regions for kind in KINDS
            for noted in self._evidence.notes(region, kind, 0.0, EVER)
        ]  # fmt: skip

    def named(self, word: str) -> Waiver:
        """By its id or the beginning of it. Raises QX-WAIVE-003."""
        known = {each.id: each for each in self.all()}
        found = [name for name in known if name.startswith(word)] if word else []
        if len(found) != 1:
            said = f"'{word}' may be several waivers" if found else f"no waiver '{word}'"
            raise QxError("QX-WAIVE-003", said, hint=did_you_mean(word, found or known))
        return known[found[0]]

    def ask_for_one(self, rule: str, validation: str, until: datetime, by: str, reason: str) -> Waiver:
        """An override: of one validation. Raises QX-WAIVE-001, QX-TXN-003, QX-TXN-005."""
        pack, found = self._desk.rule(rule)
        row = self._row(validation)
        if found.id not in {each.rule_id for each in row.row.findings}:
            raise Refused("QX-WAIVE-001", f"{validation} has no finding of {found.id}")
        used = {each.pack: each.digest for each in row.basis.packs}
        if used.get(pack.pack) != digest(to_builtins(pack)):
            said = f"{validation} was judged by another version of the pack {pack.pack}"
            raise Refused("QX-WAIVE-001", said, hint="validate it again, and name that validation")
        made = requested(
            found, pack, (row.basis.region,), until, self.now, by=by, account=self.account, reason=reason,
            validation=validation, transaction=row.row.transaction_id,
        )  # fmt: skip
        return self._kept(made, "request", by, reason, to_builtins(made))

    def ask_for_all(
        self, rule: str, counterparty: str, region: str | None, until: datetime, by: str, reason: str
    ) -> Waiver:
        """A waiver: of all with one counterparty, in one region, or wherever the rule's pack holds."""
        pack, found = self._desk.rule(rule)
        holds = self._regions(pack)
        regions = (self._desk.region(region)[0],) if region is not None else holds
        if not set(regions) <= set(holds):
            raise Refused("QX-WAIVE-001", f"{found.id} does not hold in {regions[0]}")
        made = requested(
            found, pack, regions, until, self.now, by=by, account=self.account, reason=reason,
            counterparty=counterparty.strip(),
        )  # fmt: skip
        return self._kept(made, "request", by, reason, to_builtins(made))

    def decide(self, waiver: Waiver, act: Act, by: str, reason: str) -> Waiver:
        """Raises QX-WAIVE-001, QX-WAIVE-002."""
        given = self._given(waiver.validation) if waiver.validation else {}
        check_decision(waiver, act, by, given)
        return self._kept(waiver, act, by, reason, {})


    def _given(self, validation: str) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(self._row(validation).input)
        return found

    def _row(self, validation: str) -> Found:
        found = self._evidence.find(validation)
        if found is None:
            raise QxError("QX-TXN-005", f"no validation '{validation}' is in the record", hint="validate it first")
        return found

    def _regions(self, pack: RulePack) -> tuple[str, ...]:
        law = set(pack.jurisdictions)
        return tuple(name for name in self._desk.regions if "*" in law or law & set(self._desk.region(name)[1]))

    def _kept(self, waiver: Waiver, act: Act, by: str, reason: str, payload: dict[str, Any]) -> Waiver:
        """The waiver as it stands afterwards."""
        note = Note(
            kind=waiver.kind, about=waiver.id, who=by, at=text(self.now), reason=reason,
            payload={**payload, "act": act, "account": self.account},
        )  # fmt: skip
        for region in waiver.regions:
            if self._evidence.note(region, note).lost:
                raise QxError("QX-STORE-005", f"{waiver.id} could not be kept in the record of {region}")
        said = Noted(waiver.regions[0], note, EVER, 0)  # it may only wait to be kept
        return folded([*self._notes(), said], self.now)[waiver.id]
