"""Units of energy goods: which there are, and what one is in another.

A unit has a dimension: volume, energy, mass or gas (a volume of gas). Between dimensions only a grade converts: a named
product of the table below, an API gravity (`API 38.3`) or a figure as a contract writes it (`7.45 bbl/t`,
`51.7 MMBtu/t`).

Sources. 1 gal = 231 in3 = 3.785411784 l and 1 bbl = 42 gal (NIST Handbook 44); 1 Btu = 1055.05585262 J (ISO 31-4, IT);
1 lb = 0.45359237 kg. Products in bbl/t: Statistical Review of World Energy, approximate conversion factors, 2021;
naphtha: United Nations Energy Statistics Yearbook. API: relative density 141.5 / (131.5 + API) at 60 F, of water of
999.016 kg/m3.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal, NamedTuple

from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from qx.kernel.errors import Place

Dimension = Literal["volume", "energy", "mass", "gas"]


class Unit(NamedTuple):
    name: str
    dimension: Dimension
    size: float  # in bbl, MMBtu, t or Mcf


class Lot(NamedTuple):
    size: float  # of `unit`
    unit: str


class PriceUnit(NamedTuple):
    """`USc/gal`: 0.01 USD for a gallon."""

    currency: str  # ISO 4217
    unit: str  # as in UNITS; '' where a price is that of one
    scale: float  # of `currency` in one of what is written


_LITRES = 158.987294928  # of a barrel
_GJ = 1.05505585262  # of an MMBtu
_ALL = (
    Unit("bbl", "volume", 1.0), Unit("kbbl", "volume", 1e3), Unit("MMbbl", "volume", 1e6),
    Unit("gal", "volume", 1 / 42), Unit("l", "volume", 1 / _LITRES), Unit("m3", "volume", 1e3 / _LITRES),
    Unit("MMBtu", "energy", 1.0), Unit("therm", "energy", 0.1), Unit("GJ", "energy", 1 / _GJ),
    Unit("TJ", "energy", 1e3 / _GJ), Unit("MWh", "energy", 3.6 / _GJ), Unit("kWh", "energy", 3.6e-3 / _GJ),
    Unit("GWh", "energy", 3.6e3 / _GJ),
    Unit("t", "mass", 1.0), Unit("kt", "mass", 1e3), Unit("kg", "mass", 1e-3), Unit("lb", "mass", 0.45359237e-3),
    Unit("Mcf", "gas", 1.0), Unit("MMcf", "gas", 1e3), Unit("Bcf", "gas", 1e6),
)  # fmt: skip
UNITS = {unit.name: unit for unit in _ALL}
ALIASES = {
    "bbls": "bbl", "barrel": "bbl", "barrels": "bbl", "mb": "kbbl", "mbbl": "kbbl", "gallon": "gal", "gallons": "gal",
    "litre": "l", "litres": "l", "cbm": "m3", "kl": "m3", "dth": "MMBtu", "therms": "therm", "mt": "t", "tonne": "t",
    "tonnes": "t", "lbs": "lb",
}  # fmt: skip
_BY_WORD = {name.lower(): unit for name, unit in UNITS.items()} | {word: UNITS[name] for word, name in ALIASES.items()}
AMBIGUOUS = {"Mt": "t or mt: a tonne; a million of them is 1000 kt"}
GRADES = {  # bbl/t
    "crude": 7.33, "lpg": 11.6, "ethane": 16.85, "gasoline": 8.35, "naphtha": 8.74, "kerosene": 7.88, "jet": 7.88,
    "gasoil": 7.46, "diesel": 7.46, "ulsd": 7.46, "heating oil": 7.46, "fuel oil": 6.35, "hsfo": 6.35, "vlsfo": 6.35,
}  # fmt: skip
LOTS = {  # of the futures of these roots
    "CL": Lot(1_000, "bbl"), "BZ": Lot(1_000, "bbl"), "NG": Lot(10_000, "MMBtu"), "HO": Lot(42_000, "gal"),
    "RB": Lot(42_000, "gal"),
}  # fmt: skip
LOT = "lot"
MINOR = {"USc": ("USD", 0.01), "GBp": ("GBP", 0.01), "GBX": ("GBP", 0.01), "EURc": ("EUR", 0.01)}
_WATER = 0.999016  # t/m3
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*(\w+)/(\w+)")
_API = re.compile(r"API\s*(\d+(?:\.\d+)?)", re.IGNORECASE)


def unit_of(word: str, place: Place | None = None) -> Unit:
    """Raises QX-RISK-005."""
    found = _BY_WORD.get(word.strip().lower())
    if word.strip() in AMBIGUOUS:
        raise QxError("QX-RISK-005", f"{word.strip()} may be two units", hint=AMBIGUOUS[word.strip()], place=place)
    if found is None:
        near = did_you_mean(word.lower()[:40], _BY_WORD)
        hint = near if near.startswith("did") else f"known: {', '.join(UNITS)}"
        raise QxError("QX-RISK-005", f"no unit is called {word!r}", hint=hint, place=place)
    return found


def ratio(source: str, target: str, grade: str = "", place: Place | None = None) -> float:
    """How many `target` one `source` is. Raises QX-RISK-005, also where the grade is missing or not known."""
    one, other = unit_of(source, place), unit_of(target, place)
    if one.name == other.name:
        return 1.0
    size = one.size / other.size
    return size if one.dimension == other.dimension else size * _across(one, other, grade.strip(), place)


def _across(one: Unit, other: Unit, grade: str, place: Place | None) -> float:
    """Of the base of one's dimension in that of the other's."""
    written = _WRITTEN.fullmatch(grade)
    if written:
        above, below = unit_of(written[2], place), unit_of(written[3], place)
        figure = float(written[1]) * above.size / below.size
        known: tuple[str, str] = (below.dimension, above.dimension)
    else:
        figure = _density(one, other, grade, place)
        known = ("mass", "volume")
    if figure > 0 and (one.dimension, other.dimension) == known:
        return figure
    if figure > 0 and (other.dimension, one.dimension) == known:
        return 1 / figure
    raise _no_way(one, other, f"grade {grade} does not convert {one.dimension} to {other.dimension}", place)


def _density(one: Unit, other: Unit, grade: str, place: Place | None) -> float:
    """In bbl/t."""
    gravity = _API.fullmatch(grade)
    if gravity:
        return 1e3 / (_LITRES * _WATER * 141.5 / (131.5 + float(gravity[1])))
    if not grade:
        raise _no_way(one, other, "no grade says how much the one is of the other", place)
    found = GRADES.get(grade.lower())
    if found is None:
        near = did_you_mean(grade.lower()[:40], GRADES)
        raise _no_way(one, other, f"grade {grade} is not in the table ({near.rstrip('?')})", place)
    return found


def _no_way(one: Unit, other: Unit, why: str, place: Place | None) -> QxError:
    hint = f"grade: a product ({', '.join(sorted(GRADES))}), API 38.3, or a figure as 7.45 bbl/t or 51.7 MMBtu/t"
    return QxError("QX-RISK-005", f"{one.name} cannot be converted to {other.name}: {why}", hint=hint, place=place)


def price_unit(text: str, place: Place | None = None) -> PriceUnit:
    """`USD/bbl` -> (USD, bbl, 1). Raises QX-RISK-005."""
    money, _, word = text.strip().partition("/")
    currency, scale = MINOR.get(money.strip(), (money.strip(), 1.0))
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha() or not currency.isupper():
        hint = "a currency and a unit, as USD/bbl; minor ones: USc, GBp"
        raise QxError("QX-RISK-005", f"no price unit: {text!r}", hint=hint, place=place)
    return PriceUnit(currency, unit_of(word, place).name if word.strip() else "", scale)


def lot_of(root: str, place: Place | None = None) -> Lot:
    """Of the futures of that root. Raises QX-RISK-005."""
    found = LOTS.get(root)
    if found is None:
        hint = f"fill lot_size: known of themselves are {', '.join(sorted(LOTS))}"
        raise QxError("QX-RISK-005", f"how much a lot of {root} is, is not known", hint=hint, place=place)
    return found
