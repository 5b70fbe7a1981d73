"""Report: the rows and notes of one region's record -> ComplianceReport. Pure: the same record gives the same report.

Rows are folded one at a time, so that only obligations and transaction ids take room with their number. What is due is
due by the end of the report, whoever asks and whenever; where that lies ahead, by the moment at which it is asked.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from qx.compliance import dated
from qx.compliance.waivers import KINDS, folded, instant, speaks_of, text
from qx.kernel.canon import digest
from qx.model.report import (
    ComplianceReport,
    Counts,
    Decision,
    Leave,
    ListsInUse,
    Obligated,
    PackInUse,
    RecordState,
    RuleFired,
    Span,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qx.model.evidence import Basis, Found, Noted, Owed, RecordAudit
    from qx.model.report import Fulfilment
    from qx.model.rules import RulePack
    from qx.model.waiver import Waiver

LOOKED_BACK = timedelta(days=92)  # at obligations of validations kept before the report, which may fall due in it
MOST_LISTED = 1000  # obligations
MOST_DAYS = 92  # of a timeline by day
FULFILLED = "fulfilled"  # the kind of note that says that an obligation is
_STATES: tuple[Fulfilment, ...] = ("missed", "late", "open", "fulfilled")


class _Duty(NamedTuple):
    """An obligation as the latest validation tells it."""

    as_of: str
    validation: str
    transaction: str
    owed: Owed


class Ledger:
    """Adds up. `since`, `until`: of the report; `asked`: when it is asked for, which counts where `until` is later;
    `pack_of`: by digest, None where it is not at hand; `notes`: all that were kept before its end.
    """

    def __init__(
        self, since: datetime, until: datetime, asked: datetime, pack_of: Callable[[str], RulePack | None],
        notes: Iterable[Noted],
    ) -> None:
        self._since, self._until, self._pack_of = since, until, pack_of
        self._end = min(until, asked)
        self._packs: dict[str, RulePack | None] = {}  # that rows rested on, by digest
        self._notes = [each for each in notes if each.at < until.timestamp()]
        self._waivers = folded(self._notes, self._end)
        self._by_rule: dict[str, list[Waiver]] = {}
        for waiver in self._waivers.values():
            self._by_rule.setdefault(waiver.rule, []).append(waiver)
        self._beside: Counter[str] = Counter()
        self._counts = Counts()
        self._timeline: dict[str, Counts] = {}
        self._transactions: set[str] = set()
        self._scores, self._lowest = 0, 101
        self._failed: Counter[str] = Counter()
        self._untold: Counter[str] = Counter()
        self._waived: Counter[str] = Counter()
        self._used: Counter[tuple[str, str, str]] = Counter()
        self._lists: Counter[str] = Counter()
        self._engines: set[str] = set()
        self._duties: dict[bytes, _Duty] = {}
        self._by_month = until - since > timedelta(days=MOST_DAYS)

    def add(self, found: Found) -> None:
        """Of the report, or of up to LOOKED_BACK before it, which counts for its obligations only."""
        row = found.row
        for owed in row.obligations:
            self._owed(row.as_of, row.validation_id, row.transaction_id, owed)
        kept = datetime.fromtimestamp(found.at, UTC)
        if not self._since <= kept < self._until:
            return
        for counts in (self._counts, self._timeline.setdefault(self._bar(kept.date()), Counts())):
            setattr(counts, row.status, getattr(counts, row.status) + 1)
        self._transactions.add(row.transaction_id or row.validation_id)
        self._scores += row.compliance_score
        self._lowest = min(self._lowest, row.compliance_score)
        self._rest_on(found.basis)
        fired = {each.rule_id: each.outcome for each in row.findings}
        for rule, outcome in fired.items():
            (self._failed if outcome == "fail" else self._untold)[rule] += 1
        self._stand_beside(found, fired, kept)

    def _rest_on(self, basis: Basis) -> None:
        for used in basis.packs:
            self._used[used.pack, used.version, used.digest] += 1
            if used.digest not in self._packs:
                self._packs[used.digest] = self._pack_of(used.digest)
        self._lists[basis.lists] += 1
        self._engines.add(basis.engine)

    def _stand_beside(self, found: Found, fired: dict[str, Any], kept: datetime) -> None:
        concerned = [waiver for rule in fired for waiver in self._by_rule.get(rule, ())]
        if not concerned:
            return
        given: dict[str, Any] = msgspec.json.decode(found.input)
        packs = {used.pack: used.digest for used in found.basis.packs}
        for waiver in concerned:
            if speaks_of(waiver, found.row.validation_id, fired, packs, given, kept):
                self._beside[waiver.id] += 1
                self._waived[waiver.rule] += 1

    def _owed(self, as_of: str, validation: str, transaction: str, owed: Owed) -> None:
        name = transaction or validation
        key = bytes.fromhex(digest([name, owed.rule_id, owed.action, owed.to])[:32])
        before = self._duties.get(key)
        if before is None or (before.as_of, before.validation) <= (as_of, validation):
            self._duties[key] = _Duty(as_of, validation, transaction, owed)

    def _bar(self, day: date) -> str:
        return day.replace(day=1).isoformat() if self._by_month else day.isoformat()

    def report(self, region: str, jurisdictions: tuple[str, ...], audit: RecordAudit) -> ComplianceReport:
        total = self._counts.total
        duties = self._obligated()
        states = Counter(each.state for each in duties)
        return ComplianceReport(
            region=region, jurisdictions=jurisdictions, since=text(self._since), until=text(self._until),
            validations=total, transactions=len(self._transactions), counts=self._counts,
            lowest_score=self._lowest if total else None, mean_score=round(self._scores / total, 1) if total else None,
            every="month" if self._by_month else "day", timeline=tuple(self._spans()), rules=self._rules(),
            obligations={state: states[state] for state in _STATES}, obligated=tuple(duties[:MOST_LISTED]),
            left_out=max(0, len(duties) - MOST_LISTED), leaves=self._leaves(), decisions=self._decisions(),
            packs=self._packs_used(),
            lists=tuple(ListsInUse(digest=each, validations=count) for each, count in sorted(self._lists.items())),
            engines=tuple(sorted(self._engines)), record=_state(audit),
        )  # fmt: skip

    def _spans(self) -> list[Span]:
        bars = []
        day, last = self._since.date(), (self._until - timedelta(microseconds=1)).date()
        day = day.replace(day=1) if self._by_month else day
        while day <= last:
            bars.append(Span(since=day.isoformat(), counts=self._timeline.get(day.isoformat(), Counts())))
            following = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
            day = following if self._by_month else day + timedelta(days=1)
        return bars

    def _rules(self) -> tuple[RuleFired, ...]:
        packs = sorted((pack for pack in self._packs.values() if pack is not None), key=lambda pack: pack.version)
        known = {rule.id: (pack, rule) for pack in packs for rule in pack.rules}  # of two versions the later
        found = []
        for name in self._failed.keys() | self._untold.keys():
            pack, rule = known.get(name, (None, None))
            found.append(RuleFired(
                rule=name, title=rule.title if rule else "", severity=rule.severity if rule else "",
                evidence=rule.status if rule else "", citation=rule.citation if rule else None,
                pack=pack.pack if pack else "", failed=self._failed[name], untold=self._untold[name],
                waived=self._waived[name],
            ))  # fmt: skip
        return tuple(sorted(found, key=lambda each: (-each.failed, -each.untold, each.rule)))

    def _obligated(self) -> list[Obligated]:
        """Of the report: told by a validation of it, or due in it."""
        said: dict[tuple[str, str], Noted] = {}
        for noted in self._notes:
            if noted.note.kind == FULFILLED:
                payload = noted.note.payload
                said.setdefault((str(payload.get("transaction") or noted.note.about), str(payload.get("rule"))), noted)
        found = []
        for duty in self._duties.values():
            owed = duty.owed
            note = said.get((duty.transaction or duty.validation, owed.rule_id))
            due = instant(owed.due)
            if due < self._since and note is not None and instant(note.note.at) < self._since:
                continue
            found.append(Obligated(
                transaction=duty.transaction, validation=duty.validation, rule=owed.rule_id, action=owed.action,
                to=owed.to, due=owed.due, state=self._fulfilment(due, note),
                fulfilled_by=note.note.who if note else "", fulfilled_at=note.note.at if note else "",
                note=note.note.reason if note else "",
            ))  # fmt: skip
        return sorted(
            found, key=lambda each: (_STATES.index(each.state), each.due, each.transaction, each.validation, each.rule)
        )

    def _fulfilment(self, due: datetime, note: Noted | None) -> Fulfilment:
        if note is not None:
            return "fulfilled" if instant(note.note.at) < due else "late"
        return "missed" if due <= self._end else "open"

    def _leaves(self) -> tuple[Leave, ...]:
        """Those of which anything lies within the report, or that stood in it."""
        found = []
        for each in self._waivers.values():
            over = min(instant(said) for said in (each.until, each.ended_at) if said)
            if over >= self._since:
                found.append(Leave(waiver=each, validations=self._beside[each.id]))
        return tuple(found)

    def _decisions(self) -> tuple[Decision, ...]:
        return tuple(
            Decision(kind=note.kind, about=note.about, who=note.who, at=note.at, reason=note.reason)
            for note in (each.note for each in self._notes if each.at >= self._since.timestamp())
            if note.kind not in (*KINDS, FULFILLED)
        )

    def _packs_used(self) -> tuple[PackInUse, ...]:
        found = []
        for (name, version, content), count in sorted(self._used.items()):
            pack = self._packs[content]
            since, tables = ("", ()) if pack is None else _stale(pack, self._end)
            found.append(PackInUse(pack=name, version=version, digest=content, validations=count, stale=since,
                                   stale_tables=tables))  # fmt: skip
        return tuple(found)


def _stale(pack: RulePack, at: datetime) -> tuple[str, tuple[str, ...]]:
    """(since when the pack is overdue for review, parameters that are)."""
    since = text(dated.day_after(pack.review_by, pack.timezone)) if dated.is_stale(pack.review_by, pack, at) else ""
    return since, tuple(name for name, param in pack.params.items() if dated.is_stale(param.review_by, pack, at))


def _state(audit: RecordAudit) -> RecordState:
    told = tuple(
        f"block {each.block}{f', row {each.place}' if each.place >= 0 else ''}: {each.what}" for each in audit.faults
    )
    return RecordState(
        verified=audit.verified, reached=audit.reached, blocks=audit.blocks, validations=audit.rows,
        checkpoints=audit.checkpoints, head=audit.head, waiting=audit.waiting, faults=told,
    )  # fmt: skip

