"""Move: one cluster's move as considered; and how a gate says yes or no to it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from qx.model.plan import GateResult, Loss


class Move(Struct, frozen=True):
    """One cluster's move as considered: `source` is None when no writer is known."""

    cluster: str
    source: str | None
    target: str
    mode: Literal["planned", "unplanned"]
    loss: Loss


def yes(gate: str, move: Move, because: str, *, consent: str = "") -> GateResult:
    return GateResult(gate=gate, cluster=move.cluster, passed=True, because=because, consent=consent)


def no(gate: str, move: Move, because: str, remedy: str) -> GateResult:
    return GateResult(gate=gate, cluster=move.cluster, passed=False, because=because, remedy=remedy)
