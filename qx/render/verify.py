"""A verification in words: the same or not first, then field by field what is not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qx.kernel.text import plural, shorten
from qx.render.paint import PLAIN, Palette, Tone
from qx.render.table import Cell, Column, fields, table

if TYPE_CHECKING:
    from qx.model.evidence import Proof
    from qx.model.verification import Verification

_TONES: dict[str, Tone] = {"same": "good", "differs": "bad", "unknown": "warn"}
_WORDS = {
    "same": "it comes out the same", "differs": "it comes out otherwise", "unknown": "it cannot be recomputed here",
}  # fmt: skip
_LONGEST = 400  # characters of a value


def verification_text(found: Verification, context: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    said = f"{found.result}: {_WORDS[found.result]}"
    if found.compared:
        said += f", {plural(len(found.compared), 'field')} compared"
    rows: list[tuple[str, Cell | str]] = [
        ("result", Cell(said, _TONES[found.result])),
        ("validation", Cell(found.validation_id, "strong")),
        ("transaction", found.transaction_id or "without an id"),
        ("region", f"{found.region} as of {found.as_of}; {context}"),
        ("stood there", f"{found.status}, score {found.compliance_score} ({found.source})"),
    ]
    if found.from_copies:
        rows.append(("by copies of", ", ".join(found.from_copies)))
    if found.not_at_hand:
        rows.append(("not at hand", Cell(", ".join(found.not_at_hand), "warn")))
    blocks = [fields(rows, width=width, palette=palette)]
    if found.differences:
        columns = [Column("field"), Column("recorded", give="wrap"), Column("recomputed", give="wrap")]
        lines: list[list[Cell | str]] = [
            [Cell(each.field, "bad"), _shown(each.recorded), _shown(each.recomputed)] for each in found.differences
        ]
        blocks.append(table(columns, lines, width=width, palette=palette))
    return "\n\n".join(blocks)


def proof_text(proof: Proof, context: str, palette: Palette = PLAIN, width: int | None = None) -> str:
    block, checkpoint = proof.block, proof.checkpoint
    verdict = Cell("proven: it is in the record", "good") if proof.verified else Cell("BROKEN", "bad")
    under = "none covers its block yet: `qx audit verify` verifies the whole chain"
    if checkpoint is not None:
        signed = f"signed by {proof.signer}" if proof.signer else "not signed"
        under = f"blocks {checkpoint.first} to {checkpoint.last}, root {checkpoint.root}, {signed}"
    rows: list[tuple[str, Cell | str]] = [
        ("result", verdict),
        ("validation", Cell(proof.validation_id, "strong")),
        ("record", f"{proof.region}; {context}"),
        ("row", f"{proof.place + 1} of {block.count} in block {block.number}, leaf {proof.leaf}"),
        ("path", f"{plural(len(proof.path), 'sibling')} to the root {block.root}"),
        ("block", f"digest {block.digest}, after {block.previous or 'none'}"),
        ("checkpoint", under),
    ]
    if proof.broken:
        rows.append(("does not hold", Cell("; ".join(proof.broken), "bad")))
    return fields(rows, width=width, palette=palette)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    return shorten(text, _LONGEST)
