"""The files of `qx risk`, from the tables that their reader is made of."""

from __future__ import annotations

from qx.app.risk.columns import FILES, Field
from qx.risk.units import ALIASES, GRADES, LOTS, MINOR, UNITS
from tools.reference import risk_scenarios
from tools.reference.markdown import code, plain, table

HEAD = """\
UTF-8 CSV with a header, or Parquet with the same columns (`.parquet`, `.pq`). Lines that begin with `#` are comments,
empty ones are passed over; a cell that holds a comma wants quotes. A column that is not listed here is refused, with
the one that was probably meant; so is a value that is none, with FILE:LINE (in Parquet the row). Columns in **bold**
must be there. Numbers have a point and no thousands separator; days are `2026-11-20`, months `2026-11`.

P&L has gains positive; VaR, ES and limits have losses positive. Beside the portfolio the others are looked for under
their own names (`prices.csv`, or `prices.parquet` where only that is there); `--prices`, `--factors`, `--scenarios` and
`--limits` name others. `examples/` has one of each."""
KINDS = {
    "id": "text, each once", "text": "text", "currency": "currency", "unit": "unit", "month": "month",
    "months": "month, or months as `2027-01..2027-12`", "number": "number", "whole": "whole number", "day": "day",
    "window": "days",
}  # fmt: skip
WIDE = """\
The wide form has a `date` and a column for each factor (`date,CL.M1,CL.M2`); an empty cell is no price. A column
`CL.M1@2027-03` holds the prices of one contract. Units and currencies are then those of factors.csv."""
TREATMENT = """\
## What is done to prices

- The calendar is that of the days on which a factor of kind `price` is quoted.
- A day on which a factor has no price carries its last one forward: that day's return is zero, and the whole move falls
  into the next priced day. After more than `max_stale_days` days, on more than a tenth of the days, or where the last
  price is older than that on the day of the valuation, the run is refused.
- In force after a day is the last contract that is quoted on it; the return into a day lies within the contract that
  was in force after the day before. A roll on whose day the outgoing contract has no price is refused.
- A delivery month lies between the two factors of its root that stand beside it, linear in days, flat beyond the ends.
  A factor stands where its contract in force does, without one at its `tenor_days`.
- `log` and `relative` returns of prices at or below zero are refused: `absolute` or `shifted_log` are defined there.

Each of these, and each conversion, is told with the answer."""

ABOUT_UNITS = """\
Capitals do not matter, but `Mt` is refused: in trade `mt` is a tonne. Units of one dimension convert by themselves, of
two by the position's grade."""
ABOUT_GRADES = """\
A product of this table, in barrels to the tonne; or `API 38.3` (a gravity), or a figure as a contract has it: `7.45
bbl/t`, `51.7 MMBtu/t`."""


def body() -> str:
    blocks = [HEAD]
    for file in FILES:
        blocks += [f"## {file.role}", plain(file.about)]
        blocks.append(table(["column", "holds", "meaning"], [_row(field) for field in file.fields.values()]))
        if file.role == "prices":
            blocks.append(WIDE)
        if file.role == "scenarios":
            blocks += risk_scenarios.blocks()
    return "\n\n".join([*blocks, TREATMENT, *_units()])


def _row(field: Field) -> list[str]:
    name = code(field.name)
    holds = " or ".join(map(code, field.choices)) if field.choices else KINDS[field.kind]
    bounds = [f"{words} {bound:g}" for words, bound in (
        ("above", field.above), ("at least", field.least), ("at most", field.most)) if bound is not None]  # fmt: skip
    return [f"**{name}**" if field.must else name, ", ".join([holds, *bounds]), plain(field.about)]


def _units() -> list[str]:
    dimensions = dict.fromkeys(unit.dimension for unit in UNITS.values())
    rows = []
    for dimension in dimensions:
        mine = [unit for unit in UNITS.values() if unit.dimension == dimension]
        base = mine[0].name
        rows += [
            [code(unit.name), ", ".join(code(word) for word, name in ALIASES.items() if name == unit.name), dimension,
             f"{unit.size:.10g} {base}"] for unit in mine
        ]  # fmt: skip
    lots = ", ".join(f"{root} {lot.size:,.0f} {lot.unit}" for root, lot in LOTS.items())
    minor = ", ".join(f"{code(word)} ({scale:g} {major})" for word, (major, scale) in MINOR.items())
    grades = [[code(name), f"{figure:g}"] for name, figure in sorted(GRADES.items(), key=lambda pair: -pair[1])]
    return [
        "## Units", ABOUT_UNITS,
        table(["unit", "also", "dimension", "is"], rows),
        f"Lots: {lots}; of others `lot_size` tells it. Minor currencies of prices: {minor}.",
        "## Grades", ABOUT_GRADES, table(["grade", "bbl/t"], grades),
    ]  # fmt: skip
