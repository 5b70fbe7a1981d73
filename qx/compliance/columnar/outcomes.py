"""Outcomes of rules for many rows, and what they come to: status and score. Pure."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.compliance import dated
from qx.compliance.columnar import operations as do
from qx.compliance.columnar.values import Const
from qx.compliance.verdict import (
    APPROVED,
    CONDITIONAL,
    FURTHER_BLOCK,
    INFO_COSTS,
    REJECTED,
    UNTOLD,
    UNTOLD_COSTS,
)
from qx.kernel.expr_value import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from qx.compliance.columnar.frame import Frame
    from qx.compliance.columnar.program import Steps
    from qx.compliance.columnar.values import Bools, Value
    from qx.compliance.judge import Compiled
    from qx.model.rules import Outcome
    from qx.model.validation import Verdict

    Codes = NDArray[np.uint8]

OUTCOMES: tuple[Outcome, ...] = (
    "pass", "fail", "indeterminate", "not_applicable", "not_in_force", "stale", "error",
)  # fmt: skip
PLACE: dict[Outcome, int] = {name: place for place, name in enumerate(OUTCOMES)}
STATUSES: tuple[Verdict, ...] = ("approved", "conditional", "rejected")


class Verdicts(NamedTuple):
    status: Codes  # places in STATUSES
    score: NDArray[np.int32]


def outcome(steps: Steps, frame: Frame) -> tuple[Codes, Bools | None]:
    """(of each row its place in OUTCOMES, which of them are in doubt), as `judge.judged` decides it."""
    one, at = steps.rule, frame.window.at
    rows = frame.rows
    if not dated.rule_in_force(one.rule, one.pack, at):
        return _all("not_in_force", rows), None
    applies = frame.value(steps.applies)
    if applies == Const(False):
        return _all("not_applicable", rows), None
    if applies == Const(MISSING):
        return _all("indeterminate", rows), None
    when = None if applies == Const(True) else do.truth(applies, rows).spread
    if when is not None and when.doubt is None and not when.true.any():
        found = _all("not_applicable", rows)
        _put(found, ~when.false, "indeterminate")
        return found, None
    found, doubt, absent = _kept(steps, frame)
    if absent is not None:
        _put(found, absent, one.rule.on_missing)
        doubt = None if doubt is None else doubt & ~absent
    if when is not None:
        _put(found, ~(when.true | when.false), "indeterminate")
        _put(found, when.false, "not_applicable")
        doubt = None if doubt is None else doubt & when.true
        if when.doubt is not None:
            doubt = when.doubt if doubt is None else doubt | when.doubt
    return found, doubt


def _kept(steps: Steps, frame: Frame) -> tuple[Codes, Bools | None, Bools | None]:
    """(what it would come to if nothing were absent, what is in doubt, where something is absent)."""
    one, rows = steps.rule, frame.rows
    absent = _absent(steps, frame)
    if absent is not None and absent.all():
        return np.zeros(rows, np.uint8), None, absent
    found = _all("stale" if _stale(one, frame.window.at) else "pass", rows)
    holds = frame.value(steps.holds)
    if holds == Const(True):
        return found, None, absent
    kept = do.truth(holds, rows).spread
    _put(found, kept.false, "fail")
    _put(found, ~(kept.true | kept.false), "indeterminate")
    return found, kept.doubt, absent


def _absent(steps: Steps, frame: Frame) -> Bools | None:
    """Where a field, an attestation or a parameter is not there; None: nowhere."""
    rows = frame.rows
    params = frame.window.params[steps.rule.pack.pack]
    if any(params[name] is None for name in steps.rule.params):
        return np.ones(rows, np.bool_)
    wanted = steps.needs if steps.attested is None else (*steps.needs, steps.attested)
    absent: Bools | None = None
    for step in wanted:
        there: Value = frame.value(step)
        if there != Const(True):
            gone = ~do.truth(there, rows).spread.true
            absent = gone if absent is None else absent | gone
    return absent


def _stale(one: Compiled, at: datetime) -> bool:
    pack = one.pack
    dates = (pack.review_by, *(pack.params[name].review_by for name in one.params))
    return any(dated.is_stale(day, pack, at) for day in dates)


def _all(name: Outcome, rows: int) -> Codes:
    return np.full(rows, PLACE[name], np.uint8)


def _put(found: Codes, where: Bools, name: Outcome) -> None:
    """By bits: several times as quick as by choosing."""
    np.bitwise_xor(found, (found ^ np.uint8(PLACE[name])) & np.negative(where.view(np.uint8)), out=found)


def verdicts(outcomes: NDArray[np.uint8], rules: Sequence[Compiled]) -> Verdicts:
    """As `verdict.verdict` decides them."""
    rows = outcomes.shape[1]
    blocks, untold, taken = np.zeros(rows, np.int16), np.zeros(rows, np.int16), np.zeros(rows, np.int32)
    conditional = np.zeros(rows, np.bool_)
    untold_places = [place for name, place in PLACE.items() if name in UNTOLD]
    for found, one in zip(outcomes, rules, strict=True):
        rule = one.rule
        failed = found == PLACE["fail"]
        if failed.any():
            if rule.severity == "block":
                blocks += failed
            elif rule.severity == "flag":
                taken += failed.astype(np.int32) * rule.weight
                conditional |= failed
            else:
                taken += failed.astype(np.int32) * INFO_COSTS
        if rule.severity != "info":
            unknown = reduce(np.logical_or, [found == place for place in untold_places])
            if unknown.any():
                untold += unknown
                conditional |= unknown
    taken += untold.astype(np.int32) * UNTOLD_COSTS
    low = np.where(conditional, CONDITIONAL[0], APPROVED[0])
    high = np.where(conditional, CONDITIONAL[1], APPROVED[1])
    score = np.maximum(low, np.minimum(high, 100 - taken))
    further = np.maximum(0, REJECTED - FURTHER_BLOCK * (blocks.astype(np.int32) - 1))
    rejected = blocks > 0
    status = np.where(rejected, STATUSES.index("rejected"), conditional.astype(np.uint8)).astype(np.uint8)
    return Verdicts(status, np.where(rejected, further, score).astype(np.int32))
