"""Why a server of the lab did not come up, in its own last words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from pathlib import Path

    from qx.lab.layout import NodeLayout

LINES = 8


def not_started(node: NodeLayout, what: str, said: str, *logs: Path) -> QxError:
    """QX-LAB-004: `what` happened, what the program `said`, how its `logs` end."""
    lines = said.splitlines()
    for log in logs:
        if log.exists():
            lines += log.read_text(errors="replace").splitlines()
    told = "\n".join(lines[-LINES:]) or "it said nothing and wrote no log"
    return QxError(
        "QX-LAB-004",
        f"{node.name}: {what}:\n{told}",
        hint="mend what its last lines name, then `qx lab up` starts afresh",
    )
