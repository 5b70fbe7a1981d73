"""Moves of the past, laid over the factors of today's market: each as lines of a scenario.

A price moves its curve (or, where tenors are told, the points of it), a volatility every one whose name tells its root
(VCL.M1, CLV, CL.VOL, VOL.CL), an exchange rate each factor of that pair, the other way round too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qx.model.risk import Place, Shock
from qx.risk.stress import curve_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qx.model.risk import Factor
    from qx.model.risk_stress import PastMove, PastScenario


class Lines(NamedTuple):
    shocks: tuple[Shock, ...]
    unmatched: tuple[str, ...]  # moves that this market has no factor for


def lines(scenario: PastScenario, factors: Sequence[Factor], file: str) -> Lines:
    """Moves of `scenario` for these factors, each at the place it has in `file`."""
    shocks: list[Shock] = []
    unmatched = []
    for number, move in enumerate(scenario.moves, 1):
        found = list(_targets(move, factors, scenario.moves))
        if not found:
            unmatched.append(words(move))
        for name, amount in found:
            shocks.append(Shock(
                scenario=scenario.name, factor=name, shock=amount, shock_type=move.shock_type,
                place=Place(file, number),
                unit=move.unit if move.shock_type == "abs" and move.kind == "price" else "",
                horizon_days=scenario.horizon_days, date=f"{scenario.first}..{scenario.last}",
            ))  # fmt: skip
    return Lines(tuple(shocks), tuple(unmatched))


def shock_of(move: PastMove) -> float:
    """A share of the level before, or the difference."""
    return move.after / move.before - 1 if move.shock_type == "rel" else move.after - move.before


def words(move: PastMove) -> str:
    """`CL.M1 18.27 -> -37.63 USD/bbl (-55.90)`."""
    amount = shock_of(move)
    name = f"{move.root}.{move.tenor}" if move.tenor else move.root
    named = {"fx": f"{move.root}/{move.unit}", "vol": f"volatility of {move.root}"}.get(move.kind, name)
    told = f"{amount:+.1%}" if move.shock_type == "rel" else f"{amount:+.4g}"
    unit = "" if move.kind == "fx" else f" {move.unit}"
    return f"{named} {move.before:g} -> {move.after:g}{unit} ({told})"


def _targets(move: PastMove, factors: Sequence[Factor], moves: Sequence[PastMove]) -> Iterable[tuple[str, float]]:
    amount = shock_of(move)
    if move.kind == "fx":
        for factor in factors:
            if factor.kind == "fx" and (factor.unit, factor.currency) == (move.root, move.unit):
                yield factor.factor, amount
            elif factor.kind == "fx" and (factor.currency, factor.unit) == (move.root, move.unit):
                yield factor.factor, 1 / (1 + amount) - 1
    elif move.kind == "vol":
        yield from ((each.factor, amount) for each in factors if each.kind == "vol" and _of(each.factor, move.root))
    else:
        of = [each for each in factors if each.kind == move.kind and each.root == move.root]
        curved = [each for each in of if each.tenor_days is not None or curve_of(each.factor)[1] is not None]
        nearest = next(each for each in moves if each.root == move.root and each.kind == move.kind)
        if curved:
            yield (f"{move.root}.{move.tenor}" if move.tenor else move.root), amount
        elif of and move is nearest:  # one price for the whole curve: it moves as the first month did
            yield from ((each.factor, amount) for each in of)


def _of(name: str, root: str) -> bool:
    return any(part.removeprefix("VOL").removeprefix("V").startswith(root) for part in name.split("."))
