"""A batch as people read it: what it came to, what was found most, the worst rows, what could not be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from qx.model.batch import Batch
    from qx.model.validation import Verdict

_TONES: dict[Verdict, Tone] = {"approved": "good", "conditional": "warn", "rejected": "bad"}
_OUTCOMES: dict[str, Tone] = {"fail": "bad", "error": "bad", "indeterminate": "warn", "stale": "warn"}


def batch_text(found: Batch, context: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    law = ", ".join(f"{each.pack} {each.version}" for each in found.packs)
    when = f"as of {found.as_of}" if found.as_of else f"each as of its own asOf, else of {found.default_as_of}"
    pairs: list[tuple[str, Cell | str]] = [
        ("file", f"{found.file} ({found.form})"),
        ("transactions", Cell(f"{found.transactions:,}", "strong")),
        *((name, Cell(f"{count:,}", _TONES[name] if count else "plain")) for name, count in _statuses(found)),
    ]
    if found.unreadable:
        codes = ", ".join(f"{code} {count:,}" for code, count in found.reasons.items())
        pairs.append(("unreadable", Cell(f"{found.unreadable:,} ({codes}), in {found.rejects}", "bad")))
    if found.duplicates.rows:
        rows, ids = f"{found.duplicates.rows:,} rows", f"{found.duplicates.ids:,} ids"
        pairs.append(("duplicates", Cell(f"{rows} bear {ids} that stand more than once", "warn")))
    pairs += [
        ("region", f"{found.region} ({', '.join(found.jurisdictions)}) {when}"),
        ("packs", f"{law}; {context}"),
        ("judged twice", f"{plural(found.judged_twice, 'row')}, with the same answer"),
        ("digest", found.digest),
    ]
    if found.findings:
        pairs.append(("findings", found.findings))
    blocks = [fields(pairs, width=width, palette=palette)]
    if found.rules:
        columns = [
            Column("rule"), Column("outcome"), Column("severity"), Column("rows", right=True),
            Column("says", give="wrap"),
        ]  # fmt: skip
        rules: list[list[Cell | str]] = [
            [Cell(each.rule_id, "strong"), Cell(each.outcome, _OUTCOMES.get(each.outcome, "plain")), each.severity,
             f"{each.transactions:,}", each.title]
            for each in found.rules
        ]  # fmt: skip
        blocks.append(table(columns, rules, width=width, palette=palette))
    if found.worst:
        titles = [
            Column("line", right=True), Column("transaction", give="cut"), Column("status"),
            Column("score", right=True), Column("first rule"), Column("id", give="cut"),
        ]  # fmt: skip
        worst: list[list[Cell | str]] = [
            [str(each.line), each.transaction_id, Cell(each.status, _TONES[each.status]), str(each.compliance_score),
             each.rule_id, each.validation_id]
            for each in found.worst
        ]  # fmt: skip
        blocks.append(table(titles, worst, width=width, palette=palette))
    return "\n\n".join(blocks)


def _statuses(found: Batch) -> tuple[tuple[Verdict, int], ...]:
    each = found.statuses
    return ("approved", each.approved), ("conditional", each.conditional), ("rejected", each.rejected)
