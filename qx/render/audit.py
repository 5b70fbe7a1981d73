"""An audit in words: one line when all holds, else what does not, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.text import plural, shorten
from qx.render.paint import PLAIN, Palette
from qx.render.table import Cell, Column, table

if TYPE_CHECKING:
    from qx.model.audit import Audit, Signatures
    from qx.model.evidence import RecordAudit

_MEANING = {
    "digest": "its content is not what was written",
    "previous": "an entry before it is missing, or another",
    "sequence": "an entry of its run before it is missing, or doubled",
    "plan": "the stored plan is not the one that the run announced",
    "approval": "it rests on an approval that is not what was signed",
    "outcome": "the run's stored outcome is not the one that it ended with",
}
_FAULTS = {
    "changed": "it is not what was written",
    "removed": "it stood there, and does not any more",
    "inserted": "it did not stand there",
    "reordered": "it stood at another place",
    "unreadable": "it cannot be read",
    "header": "what the block says of itself is not what was written",
    "previous": "a block before it is missing, or another",
    "number": "a block before it is missing, or doubled",
    "index": "the index does not know all of its rows",
    "checkpoint": "the checkpoint is not one over the blocks before it",
    "signature": "the checkpoint's signature is not that of its key",
    "head": "the chain does not end where the store says that it does",
    "content": "a pack, a list or a basis is not what its name says, or is gone",
}
_MISSING_SHOWN, _FAULTS_SHOWN = 10, 20


def audit_text(audit: Audit, context: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    """`context` first; what was verified; then every break, and what an earlier export knew and the store does not."""
    lines = [context]
    if audit.source != "records":
        scope = f"run {audit.run}" if audit.run else "the whole store"
        what = f"{scope}, {'1 entry' if audit.count == 1 else f'{audit.count} entries'}, store {audit.store_id}"
        holds = not audit.breaks and not audit.missing
        lines.append(f"{palette.paint('verified', 'good') if holds else palette.paint('BROKEN', 'bad')}: {what}")
    if audit.head:
        lines.append(f"head {audit.head}")
    if audit.compared_with and not audit.missing:
        lines.append(f"every entry of {audit.compared_with} stands in it")
    if audit.approvals is not None:
        lines += _approvals(audit.approvals, palette)
    if audit.breaks:
        columns: list[Column | str] = [
            Column("entry", right=True), "run", Column("seq", right=True), Column("what", give="wrap"),
            Column("expected", give="cut"), Column("found", give="cut"),
        ]
        rows: list[list[Cell | str]] = [
            [str(each.position), each.run, str(each.seq), Cell(_MEANING[each.what], "bad"), each.expected, each.found]
            for each in audit.breaks
        ]
        lines.append(table(columns, rows, width=width, palette=palette))
    if audit.missing:
        count = plural(len(audit.missing), "digest")
        lines.append(palette.paint(f"{count} of {audit.compared_with} stand nowhere in the store any more:", "bad"))
        lines += [f"  {shorten(each, width - 2) if width else each}" for each in audit.missing[:_MISSING_SHOWN]]
        if len(audit.missing) > _MISSING_SHOWN:
            lines.append(f"  and {len(audit.missing) - _MISSING_SHOWN} more (-o json lists all)")
    told = [each for each in audit.records if each.blocks or each.faults or each.waiting or not each.reached]
    for record in told:
        lines += _record(record, palette, width)
    if audit.source == "records" and not told:
        lines.append("no validation is recorded here")
    return "\n".join(lines)


def _approvals(found: Signatures, palette: Palette) -> list[str]:
    lines = []
    if found.verified:
        lines.append(f"{plural(found.verified, 'signature')} of approvals verified")
    if found.unsigned:
        lines.append(f"{plural(found.unsigned, 'approval')} without a signature: no approver had a key")
    if found.unknown:
        lines.append(palette.paint("signed with keys that regions.yaml does not name, so nobody can tell:", "warn"))
        lines += [f"  {each}" for each in found.unknown]
    return lines


def _record(record: RecordAudit, palette: Palette, width: int | None) -> list[str]:
    if not record.reached:
        verdict = palette.paint("not reached", "warn")
    else:
        verdict = palette.paint("BROKEN", "bad") if record.faults else palette.paint("verified", "good")
    counts = [plural(record.rows, "validation"), plural(record.notes, "note"), plural(record.checkpoints, "checkpoint")]
    lines = [f"{verdict}: the record of {record.region}, {', '.join(counts)}, {record.store}"]
    if record.head:
        lines.append(f"  head {record.head}")
    lines += [f"  checkpoints signed by {signer}" for signer in record.signers]
    if record.waiting:
        lines.append(palette.paint(f"  {plural(record.waiting, 'row')} wait on this machine", "warn"))
    if record.faults:
        columns: list[Column | str] = [
            Column("block", right=True), Column("row", right=True), Column("validation", give="cut"),
            Column("what", give="wrap"),
        ]
        rows: list[list[Cell | str]] = [
            [str(each.block), str(each.place + 1) if each.place >= 0 else "", each.validation_id,
             Cell(_FAULTS[each.what], "bad")]
            for each in record.faults[:_FAULTS_SHOWN]
        ]  # fmt: skip
        lines.append(table(columns, rows, width=width, palette=palette))
        if len(record.faults) > _FAULTS_SHOWN:
            lines.append(f"  and {len(record.faults) - _FAULTS_SHOWN} more (-o json lists all)")
    return lines
