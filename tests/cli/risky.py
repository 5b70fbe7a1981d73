"""Small portfolios as files, whose figures can be told without a computer."""

from __future__ import annotations

import csv
import datetime as dt
import math
from pathlib import Path
from typing import TYPE_CHECKING

from tests.unit.risk.hull import FILE as HULL

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HELD = {"DJIA": 4e6, "FTSE100_usd": 3e6, "CAC40_usd": 1e6, "Nikkei225_usd": 2e6}


def days(count: int, last: dt.date = dt.date(2026, 11, 20)) -> list[dt.date]:
    """Weekdays."""
    found, day = list[dt.date](), last
    while len(found) < count:
        if day.weekday() < 5:
            found.append(day)
        day -= dt.timedelta(1)
    return found[::-1]


def write(directory: Path, levels: Mapping[str, Sequence[float]], kind: str, held: Iterable[Sequence[object]]) -> str:
    """`levels` by factor; `held`: position, book, desk, region, underlying, quantity. Its path."""
    count = len(next(iter(levels.values())))
    _csv(directory / "factors.csv", ["factor", "kind", "return_type", "unit", "currency", "tenor_days"],
         [[name, "price", kind, "bbl", "USD", 30 * (n + 1)] for n, name in enumerate(levels)])  # fmt: skip
    quotes = [[day, name, repr(level[n])] for n, day in enumerate(days(count)) for name, level in levels.items()]
    _csv(directory / "prices.csv", ["date", "factor", "value"], quotes)
    head = ["position_id", "book", "desk", "region", "instrument", "underlying", "quantity", "unit", "currency"]
    rows = [[name, book, desk, region, "future", root, repr(amount), "bbl", "USD"]
            for name, book, desk, region, root, amount in held]  # fmt: skip
    return _csv(directory / "portfolio.csv", head, rows)


def limits(directory: Path, *lines: str) -> str:
    head = "scope_level,scope,measure,alpha,horizon,soft,hard,currency"
    (directory / "limits.csv").write_text("\n".join([head, *lines]) + "\n")
    return str(directory / "limits.csv")


def one_to(most: int, directory: Path) -> str:
    """P&L of -1, -2, ... -`most`, one barrel of one factor."""
    level, levels = 1e6, [1e6]
    for loss in range(1, most + 1):
        level -= loss
        levels.append(level)
    return write(directory, {"CL.M1": levels}, "absolute", [("P1", "crude", "oil", "us-east", "CL.M1", 1.0)])


def four_indices(directory: Path) -> str:
    """Hull's: $10 million in four indices, 500 relative returns."""
    with HULL.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    levels = {f"{name}.M1": [float(row[name]) for row in rows] for name in HELD}
    held = [(name, "equity", name[:2], "us-east", f"{name}.M1", amount / levels[f"{name}.M1"][-1])
            for name, amount in HELD.items()]  # fmt: skip
    return write(directory, levels, "relative", held)


def two_books(directory: Path, count: int = 300) -> str:
    """Two factors that move like waves of different length: no randomness, and no symmetry."""
    waves = {
        "CL.M1": [70 + 5 * math.sin(n / 7) + 0.9 * math.cos(n * 1.7) for n in range(count)],
        "NG.M1": [3 + 0.4 * math.sin(n / 11 + 1) + 0.1 * math.cos(n * 2.3) for n in range(count)],
    }
    return write(directory, waves, "relative", [
        ("P1", "crude", "oil", "us-east", "CL.M1", 1000.0), ("P2", "crude", "oil", "eu-west", "CL.M1", -250.0),
        ("P3", "gas", "gas", "eu-west", "NG.M1", 9000.0),
    ])  # fmt: skip


def only(file: str, *positions: str) -> str:
    """The same portfolio of these positions alone, beside it."""
    whole = Path(file)
    head, *lines = whole.read_text().splitlines()
    part = whole.with_name(f"{'-'.join(positions)}.csv")
    part.write_text("\n".join([head, *(line for line in lines if line.split(",")[0] in positions)]) + "\n")
    return str(part)


def _csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)
    return str(path)
