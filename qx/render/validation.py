"""A validation as people read it: the status first, then what makes it so, then what would change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.text import plural
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.rules import cited
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from qx.model.validation import Finding, Validation, Verdict

_TONES: dict[Verdict, Tone] = {"approved": "good", "conditional": "warn", "rejected": "bad"}
_OUTCOMES: dict[str, Tone] = {"fail": "bad", "error": "bad", "indeterminate": "warn", "stale": "warn"}


def validation_text(found: Validation, context: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    law = ", ".join(f"{each.pack} {each.version}" for each in found.packs)
    head = fields(
        [
            ("transaction", Cell(found.transaction_id or "without an id", "strong")),
            ("status", Cell(f"{found.status}, score {found.compliance_score}", _TONES[found.status])),
            ("region", f"{found.region} ({', '.join(found.jurisdictions)}) as of {found.as_of}"),
            ("packs", f"{law}; {context}"),
            ("valid until", f"{found.expires_at}: {found.expires_because}"),
            ("id", found.validation_id),
        ],
        width=width, palette=palette,
    )  # fmt: skip
    blocks = [head]
    if found.findings:
        columns = [Column("rule"), Column("outcome"), Column("severity"), Column("because", give="wrap")]
        rows: list[list[Cell | str]] = [
            [Cell(each.rule_id, "strong"), Cell(each.outcome, _OUTCOMES.get(each.outcome, "plain")), each.severity,
             _because(each)]
            for each in found.findings
        ]  # fmt: skip
        blocks.append(table(columns, rows, width=width, palette=palette))
    if found.missing:
        blocks.append(fields([("to tell more it needs", ", ".join(found.missing))], width=width, palette=palette))
    if found.obligations:
        due: list[list[Cell | str]] = [[each.due, each.action, each.to, each.rule_id] for each in found.obligations]
        titles = [Column("due"), Column("to do", give="wrap"), Column("to"), Column("rule")]
        blocks.append(table(titles, due, width=width, palette=palette))
    kept = found.outcomes.get("pass", 0)
    blocks.append(f"{plural(kept, 'rule')} kept, {found.outcomes.get('not_applicable', 0)} do not apply")
    return "\n\n".join(blocks)


def _because(finding: Finding) -> str:
    parts = [(finding.message or finding.title).rstrip("."), _cited(finding)]
    parts += [f"{each.path} {each.wanted} instead of {each.now} would keep it" for each in finding.nearest]
    return "; ".join(part for part in parts if part)


def _cited(finding: Finding) -> str:
    said = cited(finding.citation)
    return said if finding.evidence in ("verified", "house") else f"{said} ({finding.evidence})"
