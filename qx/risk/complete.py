"""One factor on the calendar: carried forward where it may be, refused where it may not; its returns."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import Place, QxError
from qx.kernel.text import plural
from qx.model.risk import Treatment
from qx.risk.returns import between, defined
from qx.risk.rolls import broken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qx.model.risk import Factor
    from qx.risk.quotes import Quotes
    from qx.risk.rolls import Steps

    Floats = NDArray[np.float64]

MOST_FILLED = 0.1  # of the days; and one day always
BACK_ADJUSTED = {"back_adjusted", "back-adjusted", "panama"}
NO_ROLL = {"", "none"}


class Frame(NamedTuple):
    """What all factors have in common. The window is that of the days from `first` on."""

    quotes: Quotes
    days: NDArray[np.datetime64]  # the calendar, ascending
    first: int
    today: np.datetime64


class Column(NamedTuple):
    levels: Floats  # (T + 1,)
    returns: Floats  # (T,)
    rolls: int
    errors: tuple[QxError, ...]
    treatments: tuple[Treatment, ...]


class _Steps(NamedTuple):
    """Those of the window."""

    levels: Floats  # (T + 1,), carried
    held: NDArray[np.intp]  # (T + 1,), of each day the entry that is in force
    inside: NDArray[np.intp]  # (m,), entries that a return leads into
    before: Floats  # (m,)
    after: Floats  # (m,)


def column(factor: Factor, its: Steps, frame: Frame) -> Column:
    """The first entry of `its` lies on `frame.first` or before it. Returns of a factor with errors mean nothing."""
    count = len(frame.days) - frame.first
    held = np.searchsorted(its.day, np.arange(frame.first, len(frame.days)), side="right") - 1
    inside = np.flatnonzero(its.day > frame.first)
    values = frame.quotes.value
    part = _Steps(values[its.row[held]], held, inside, values[its.row[inside - 1]], values[its.into[inside]])
    inner = its._replace(missing=its.missing[np.isin(its.missing, inside)])
    wrong = broken(frame.quotes, inner)
    errors = [wrong] if wrong else []
    errors += [each for each in (_undefined(factor, its, part, frame), _holes(factor, its, part, frame)) if each]
    returns = np.zeros(count - 1, np.float64)
    if not errors:
        moves = between(factor.return_type, part.before, part.after, factor.shift)
        returns[its.day[inside] - frame.first - 1] = moves
    treatments = (*_carried(factor, its, part, frame), *_unmoved(factor, its, part, frame), *_rule(factor, its, frame))
    rolls = int(np.count_nonzero(its.into[inside] != its.row[inside]))
    return Column(part.levels, returns, rolls, tuple(errors), treatments)


def _undefined(factor: Factor, its: Steps, part: _Steps, frame: Frame) -> QxError | None:
    """QX-RISK-008, and QX-RISK-003 of an exchange rate that is none."""
    kind, shift = factor.return_type, factor.shift
    if factor.kind == "fx" and (part.levels <= 0).any():
        row = int(its.row[part.held[int((part.levels <= 0).argmax())]])
        said = f"{factor.factor} is {frame.quotes.value[row]:g} on {frame.quotes.day[row]}, which is no exchange rate"
        return QxError("QX-RISK-003", said, hint="above zero", place=frame.quotes.place(row))
    if kind != "absolute" and factor.roll_rule.lower() in BACK_ADJUSTED:
        said = f"{factor.factor} is back-adjusted, so its levels are no prices: a {kind} return of them says nothing"
        hint = "return_type=absolute, or prices by contract"
        return QxError("QX-RISK-008", said, hint=hint, place=_of(factor))
    entries = its.into[part.inside]
    odd = np.flatnonzero(~defined(kind, part.after, shift) | ~defined(kind, part.before, shift))
    if len(odd):
        at = int(odd[0])
        row = int(entries[at])
        day, before, after = frame.quotes.day[row], part.before[at], part.after[at]
        said = f"{factor.factor} goes from {before:g} to {after:g} on {day}: {_no(factor)} is not defined"
        lowest = float(min(part.after.min(), part.before.min()))
        return QxError("QX-RISK-008", said, hint=_instead(factor, lowest), place=frame.quotes.place(row))
    if not defined(kind, part.levels[-1:], shift)[0]:
        row, last = int(its.row[-1]), float(part.levels[-1])
        said = f"{factor.factor} stands at {last:g}: {_no(factor)} from there is not defined"
        return QxError("QX-RISK-008", said, hint=_instead(factor, last), place=frame.quotes.place(row))
    return None


def _no(factor: Factor) -> str:
    if factor.return_type == "shifted_log":
        return f"a shifted_log return with shift {factor.shift:g}"
    return f"a {factor.return_type} return"


def _instead(factor: Factor, lowest: float) -> str:
    where = f"{factor.place.file}:{factor.place.line}"
    if factor.return_type == "shifted_log":
        return f"a shift above {-lowest:g}, or return_type=absolute, in {where}"
    return f"return_type=absolute in {where}, or shifted_log with a shift above {-lowest:g}"


def _holes(factor: Factor, its: Steps, part: _Steps, frame: Frame) -> QxError | None:
    """QX-RISK-011: what may not be carried."""
    quoted = frame.days[its.day]
    allowed = factor.max_stale_days
    late = int((frame.today - quoted[-1]).astype(int))
    if late > allowed:
        said = f"{factor.factor} ends on {quoted[-1]}, {plural(late, 'day')} before {frame.today}"
        return QxError("QX-RISK-011", f"{said}; max_stale_days is {allowed}", hint="bring its prices up to date",
                       place=frame.quotes.place(int(its.row[-1])))  # fmt: skip
    age = (frame.days[frame.first :] - quoted[part.held]).astype(int)
    worst = int(age.argmax())
    if age[worst] > allowed:
        entry = int(part.held[worst])
        said = f"{factor.factor} has no price from {quoted[entry]} for {plural(int(age[worst]), 'day')}"
        hint = f"fill the hole, or raise max_stale_days in {factor.place.file}:{factor.place.line}"
        return QxError("QX-RISK-011", f"{said}; max_stale_days is {allowed}", hint=hint,
                       place=frame.quotes.place(int(its.row[entry])))  # fmt: skip
    filled, days = int(np.count_nonzero(age)), len(age)
    if filled > max(1, MOST_FILLED * days):
        said = f"{factor.factor} has no price on {filled} of {days} days, more than {MOST_FILLED:.0%}"
        hint = "a shorter window, or a factor that is quoted on the days of the others"
        return QxError("QX-RISK-011", said, hint=hint, place=_of(factor))
    return None


def _carried(factor: Factor, its: Steps, part: _Steps, frame: Frame) -> list[Treatment]:
    found = []
    age = np.arange(frame.first, len(frame.days)) - its.day[part.held]
    filled = int(np.count_nonzero(age))
    if filled:
        days = f"{plural(filled, 'day')} of {len(age)}, at most {age.max()} in a row"
        words = f"no price on {days}: the last one is carried"
        found.append(Treatment(what="filled", subject=factor.factor, words=words, count=filled))
    last = frame.days[its.day[-1]]
    late = int((frame.today - last).astype(int))
    if late:
        words = f"the last price is of {last}, {plural(late, 'day')} before {frame.today}"
        found.append(Treatment(what="stale", subject=factor.factor, words=words, count=late))
    return found


def _unmoved(factor: Factor, its: Steps, part: _Steps, frame: Frame) -> list[Treatment]:
    """Prices that do not change for longer than they may be missing."""
    same = part.before == part.after
    if factor.kind not in {"price", "basis", "fx"} or not same.any():
        return []
    if same.all():
        if len(same) == 1:
            return []
        words = "it never changes: a peg, or a series that nobody keeps"
        return [Treatment(what="stale", subject=factor.factor, words=words, count=len(same))]
    edges = np.flatnonzero(np.diff(np.concatenate(([0], same.astype(np.int8), [0]))))
    begins, ends = edges[::2], edges[1::2]
    longest = int((ends - begins).argmax())
    run = int(ends[longest] - begins[longest])
    if run <= factor.max_stale_days:
        return []
    day = frame.days[its.day[part.inside[ends[longest] - 1]]]
    words = f"the same price on {plural(run + 1, 'day')} up to {day}"
    return [Treatment(what="stale", subject=factor.factor, words=words, count=run)]


def _rule(factor: Factor, its: Steps, frame: Frame) -> list[Treatment]:
    rule = factor.roll_rule.lower()
    if rule in BACK_ADJUSTED:
        words = "back-adjusted by its source: absolute returns are those of the contracts"
        return [Treatment(what="chained", subject=factor.factor, words=words)]
    if rule not in NO_ROLL and not frame.quotes.contract.at(int(its.row[-1])):
        words = f"roll_rule is {factor.roll_rule}, and its prices name no contract: returns are taken as they come"
        return [Treatment(what="assumed", subject=factor.factor, words=words)]
    return []


def _of(factor: Factor) -> Place:
    return Place(factor.place.file, factor.place.line)
