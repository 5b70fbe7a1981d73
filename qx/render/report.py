"""A regulatory summary as people read it on a terminal, and as CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.rules import cited
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qx.model.report import ComplianceReport, Fulfilment, RecordState, RuleFired

HEADER = ("section", "item", "field", "value")
_TONES: dict[Fulfilment, Tone] = {"missed": "bad", "late": "warn", "open": "plain", "fulfilled": "good"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def report_text(found: ComplianceReport, palette: Palette = PLAIN, width: int | None = None) -> str:
    counts = found.counts
    told = f", score {found.mean_score} in the mean, {found.lowest_score} at the least"
    scores = "" if found.mean_score is None else told
    pairs: list[tuple[str, Cell | str]] = [
        ("region", f"{found.region} ({', '.join(found.jurisdictions)})"),
        ("between", f"{found.since} and {found.until}"),
        ("validations", f"{found.validations} of {plural(found.transactions, 'transaction')}{scores}"),
        ("approved", Cell(str(counts.approved), "good")),
        ("conditional", Cell(str(counts.conditional), "warn" if counts.conditional else "plain")),
        ("rejected", Cell(str(counts.rejected), "bad" if counts.rejected else "plain")),
        ("obligations", ", ".join(f"{count} {state}" for state, count in found.obligations.items())),
        ("packs", ", ".join(f"{each.pack} {each.version}{' (stale)' if each.stale else ''}" for each in found.packs)),
        ("record", Cell(state_of(found.record), "good" if found.record.verified else "bad")),
    ]
    blocks = [fields(pairs, width=width, palette=palette)]
    if found.rules:
        columns = [Column("rule"), Column("failed", right=True), Column("untold", right=True),
                   Column("waived", right=True), Column("says", give="wrap"), Column("by", give="wrap")]  # fmt: skip
        rows: list[list[Cell | str]] = [
            [Cell(each.rule, "strong"), str(each.failed), str(each.untold), str(each.waived), each.title, where(each)]
            for each in found.rules
        ]
        blocks.append(table(columns, rows, width=width, palette=palette))
    if found.obligated:
        titles = [Column("due"), Column("state"), Column("transaction", give="cut"), Column("to do", give="wrap"),
                  Column("rule")]  # fmt: skip
        lines: list[list[Cell | str]] = [
            [each.due, Cell(each.state, _TONES[each.state]), each.transaction or each.validation, each.action,
             each.rule]
            for each in found.obligated
        ]
        blocks.append(table(titles, lines, width=width, palette=palette))
    if found.leaves:
        heads = [Column("waiver"), Column("state"), Column("rule"), Column("by", give="wrap"),
                 Column("beside", right=True)]  # fmt: skip
        left: list[list[Cell | str]] = [
            [Cell(each.waiver.id, "strong"), each.waiver.state, each.waiver.rule,
             f"{each.waiver.requested_by}, {each.waiver.approved_by or 'not approved'}", str(each.validations)]
            for each in found.leaves
        ]  # fmt: skip
        blocks.append(table(heads, left, width=width, palette=palette))
    return "\n\n".join(blocks)


def state_of(record: RecordState) -> str:
    if not record.reached:
        return "the store of the region did not answer"
    held = f"{plural(record.blocks, 'block')}, {plural(record.checkpoints, 'checkpoint')}"
    waiting = f", {record.waiting} not yet in it" if record.waiting else ""
    return f"verified: {held}{waiting}" if record.verified else f"BROKEN: {'; '.join(record.faults) or held}{waiting}"


def where(rule: RuleFired) -> str:
    return "" if rule.citation is None else cited(rule.citation)


def report_csv(found: ComplianceReport) -> str:
    """One table of section, item, field and value; no cell of it begins a formula. Lines end in CRLF (RFC 4180)."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(HEADER)
    writer.writerows([_safe(cell) for cell in row] for row in _rows(found))
    return file.getvalue()


def _safe(text: str) -> str:
    """A spreadsheet would reckon what begins so."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _rows(found: ComplianceReport) -> Iterator[tuple[str, str, str, str]]:
    about = {
        "region": found.region, "jurisdictions": " ".join(found.jurisdictions), "from": found.since, "to": found.until,
        "validations": found.validations, "transactions": found.transactions, "approved": found.counts.approved,
        "conditional": found.counts.conditional, "rejected": found.counts.rejected, "lowest score": found.lowest_score,
        "mean score": found.mean_score, "engine": " ".join(found.engines), "obligations left out": found.left_out,
    }  # fmt: skip
    yield from _fields("summary", "", about)
    yield from _fields("record", "", {
        "state": state_of(found.record), "blocks": found.record.blocks, "validations": found.record.validations,
        "checkpoints": found.record.checkpoints, "head": found.record.head, "waiting": found.record.waiting,
    })  # fmt: skip
    yield from _fields("obligations", "", found.obligations)
    for span in found.timeline:
        counts = span.counts
        yield from _fields("timeline", span.since, {
            "approved": counts.approved, "conditional": counts.conditional, "rejected": counts.rejected,
        })  # fmt: skip
    for rule in found.rules:
        yield from _fields("rule", rule.rule, {
            "title": rule.title, "severity": rule.severity, "evidence": rule.evidence, "citation": where(rule),
            "pack": rule.pack, "failed": rule.failed, "untold": rule.untold, "waived": rule.waived,
        })  # fmt: skip
    for duty in found.obligated:
        yield from _fields("obligation", f"{duty.transaction or duty.validation} {duty.rule}", {
            "validation": duty.validation, "action": duty.action, "to": duty.to, "due": duty.due, "state": duty.state,
            "fulfilled by": duty.fulfilled_by, "fulfilled at": duty.fulfilled_at, "note": duty.note,
        })  # fmt: skip
    for leave in found.leaves:
        one = leave.waiver
        yield from _fields(one.kind, one.id, {
            "state": one.state, "rule": one.rule, "validation": one.validation, "counterparty": one.counterparty,
            "until": one.until, "reason": one.reason, "requested by": one.requested_by, "approved by": one.approved_by,
            "approved at": one.approved_at, "ended by": one.ended_by, "ended at": one.ended_at,
            "validations beside it": leave.validations,
        })  # fmt: skip
    for each in found.decisions:
        said = {"kind": each.kind, "who": each.who, "at": each.at, "reason": each.reason}
        yield from _fields("decision", each.about, said)
    for pack in found.packs:
        yield from _fields("pack", f"{pack.pack} {pack.version}", {
            "digest": pack.digest, "validations": pack.validations, "stale since": pack.stale,
            "stale tables": " ".join(pack.stale_tables),
        })  # fmt: skip
    for lists in found.lists:
        yield from _fields("lists", lists.digest, {"validations": lists.validations})


def _fields(section: str, item: str, values: Mapping[str, object]) -> Iterator[tuple[str, str, str, str]]:
    for name, value in values.items():
        yield section, item, name, "" if value is None else str(value)
