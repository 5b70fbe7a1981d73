"""`qx risk stress`: a portfolio under scenarios, of the past, of a file, given in part, or sought by their loss."""

from __future__ import annotations

from functools import cache
from importlib.resources import files as resources
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from qx.app.risk import files
from qx.app.risk.cases import Case, blank, valued
from qx.app.risk.conditions import expectation, sought
from qx.app.risk.inputs import load
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean
from qx.model.risk_stress import Past, ScenarioList, ScenarioListed, StressFigures, StressResult
from qx.risk.historical import lines, words
from qx.risk.stress import by_name, laid, refuse_unmatched

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from qx.app.risk.inputs import Loaded, Named
    from qx.model.risk import Shock
    from qx.model.risk_answers import InputFile, Level
    from qx.model.risk_stress import PastScenario, ScenarioKind

SHIPPED = "scenarios/historical.json"
_UNFIT = ("QX-RISK-005", "QX-RISK-008", "QX-RISK-012", "QX-RISK-013")  # why one of the past may not fit this market
CONVENTION = (
    "P&L by full revaluation of every position, gains positive, at once and with exchange rates of the scenario; "
    "of factors: each moved by itself, forward and back, so that they sum to the whole; what no line moves stays"
)


class StressAsked(NamedTuple):
    names: tuple[str, ...] = ()  # of scenarios; none: all, or with `given` or `reverse` no other
    given: tuple[str, ...] = ()  # FACTOR=MOVE
    reverse: str = ""  # AMOUNT or k%
    by: tuple[Level, ...] = ("book", "desk", "factor")
    currency: str = "USD"
    as_of: date | None = None
    window: int | None = None


class Scenario(NamedTuple):
    """One that may be laid over a market."""

    name: str
    kind: ScenarioKind
    shocks: tuple[Shock, ...] = ()  # of a file
    past: PastScenario | None = None


@cache
def past() -> Past:
    return msgspec.json.decode(resources("qx.risk").joinpath(SHIPPED).read_bytes(), type=Past)


def known(named: Named) -> tuple[tuple[Scenario, ...], tuple[InputFile, ...]]:
    """Of the file (which must be there when it was named), then those of the past. Raises QX-RISK-002, QX-RISK-003."""
    found: list[Scenario] = []
    read: tuple[InputFile, ...] = ()
    path = named.files.scenarios
    if named.scenarios is not None or path.exists():
        shocks, file = files.read_shocks(path)
        read = (file,)
        found += [Scenario(name, "file", tuple(each)) for name, each in by_name(shocks).items()]
    own = {each.name for each in found}
    found += [Scenario(each.name, "historical", past=each) for each in past().scenarios if each.name not in own]
    return tuple(found), read


def listed(named: Named) -> ScenarioList:
    """Raises QX-RISK-002, QX-RISK-003."""
    found, _ = known(named)
    factors, _ = files.read_factors(named.files.factors)
    return ScenarioList(scenarios=tuple(map(_listed, found)), factors=tuple(each.factor for each in factors))


def _listed(scenario: Scenario) -> ScenarioListed:
    if scenario.past is not None:
        its = scenario.past
        moves = tuple(f"{words(move)}: {past().sources[move.source]}" for move in its.moves)
        return ScenarioListed(name=its.name, kind="historical", title=its.title, date=f"{its.first}..{its.last}",
                      horizon_days=its.horizon_days, moves=moves, note=its.note)  # fmt: skip
    first = scenario.shocks[0]
    told = (f"{each.factor} {each.shock_type} {each.shock:g} {each.unit}".rstrip() for each in scenario.shocks)
    return ScenarioListed(name=scenario.name, kind="file", title="", date=first.date, horizon_days=first.horizon_days,
                  moves=tuple(told))  # fmt: skip


def stressed(named: Named, asked: StressAsked) -> StressFigures:
    """Raises QX-RISK-001 to 013."""
    found, read = known(named)
    loaded = load(named.files, asked.currency, as_of=asked.as_of, window=asked.window)
    apart = bool(asked.given or asked.reverse)
    chosen = () if apart and not asked.names else _chosen(found, asked.names)
    results, notes = under(loaded, chosen, asked.by, told=bool(asked.names))
    cases = []
    if asked.given:
        cases.append(expectation(loaded, asked.given))
    if asked.reverse:
        cases.append(sought(loaded, asked.reverse))
    results += tuple(valued(loaded, case, asked.by) for case in cases)
    return StressFigures(
        as_of=loaded.market.as_of.isoformat(), currency=asked.currency, value=float(loaded.book.value().sum()),
        positions=len(loaded.book.names), factors=len(loaded.market.factors),
        scenarios=tuple(sorted(results, key=lambda each: each.pnl)), convention=CONVENTION, notes=notes,
        treatments=tuple(loaded.treatments), inputs=loaded.inputs + (read if chosen else ()),
    )  # fmt: skip


def _chosen(found: Sequence[Scenario], names: Sequence[str]) -> tuple[Scenario, ...]:
    """All, where none is named. Raises QX-RISK-013."""
    if not names:
        return tuple(found)
    by = {each.name: each for each in found}
    for name in names:
        if name not in by:
            raise QxError("QX-RISK-013", f"no scenario is called '{name}'", hint=did_you_mean(name, by))
    return tuple(by[name] for name in dict.fromkeys(names))


def under(
    loaded: Loaded, scenarios: Iterable[Scenario], by: Sequence[Level], *, told: bool = False
) -> tuple[tuple[StressResult, ...], tuple[str, ...]]:
    """Results, and notes of scenarios of the past that say nothing of this market. `told`: they were asked for by name,
    so that this is an error. Raises QX-RISK-005, QX-RISK-008, QX-RISK-012, QX-RISK-013.
    """
    results, notes = [], []
    for each in scenarios:
        try:
            case = _case(loaded, each)
            if not case.how:
                said = "none of its moves fits a factor of this market"
                raise QxError("QX-RISK-013", said, hint="`--list` shows its moves and the factors")
            results.append(valued(loaded, case, by))
        except QxError as error:
            said = f"{each.name}: {error.message}"
            if told or each.past is None or error.code not in _UNFIT:
                raise QxError(error.code, said, hint=error.hint, place=error.place) from error
            notes.append(said)
    return tuple(results), tuple(notes)


def _case(loaded: Loaded, scenario: Scenario) -> Case:
    market = loaded.market
    if scenario.past is not None:
        its = scenario.past
        found = lines(its, market.factors, SHIPPED)
        over = laid(found.shocks, market.factors, market.base)
        result = msgspec.structs.replace(
            blank(its.name, "historical", its.title), date=f"{its.first}..{its.last}", horizon_days=its.horizon_days,
            note=its.note, unmatched=found.unmatched,
        )  # fmt: skip
    else:
        first = scenario.shocks[0]
        over = laid(scenario.shocks, market.factors, market.base)
        refuse_unmatched(over, market.factors)
        result = msgspec.structs.replace(
            blank(scenario.name, "file", ""), date=first.date, horizon_days=first.horizon_days,
            probability=first.probability,
        )  # fmt: skip
    return Case(over.levels, {move.factor: move.how for move in over.moves}, result)
