"""Scenarios of `qx risk stress`: which line moves which factor, and what ships with qx, each figure with its source."""

from __future__ import annotations

from qx.app.risk.stress import past
from qx.risk.historical import words
from tools.reference.markdown import code, plain, table

RULES = """\
Which line moves a factor, the first that applies:

1. a line that names it (`CL.M1`);
2. lines that name tenors of its curve (`CL.M1`, `CL.M12`): linear in days between them, flat beyond the outermost, so
   that one alone moves the whole curve; a tenor lies where factors.csv puts it, else by its name (`D30`, `M1`, `Y1`);
3. a line that names its curve (`CL`);
4. a line with wildcards (`CL*`): the one with most letters told, of equals the later. It reaches prices and bases;
   volatilities, rates and exchange rates only where it matches nothing else (`VCL*`).

What no line moves stays; a line that fits no factor is refused. `abs` adds, `rel` multiplies by one more, `log` by its
exponential, `set` replaces. Of `abs` and `set` the unit is that of a price (`USD/bbl`, or `bbl`), `%` or `bp`; without
one it is the factor's own."""

SHIPPED = """\
Beside the scenarios of the file those of the past are told, as far as the market has their factors: levels before and
after, and of them the difference or the share. A name of the file goes before one of the past."""


def blocks() -> list[str]:
    found = past()
    rows = [
        [code(each.name), f"{each.first} to {each.last}", plain(f"{each.title}. {each.note}"),
         "; ".join(f"{plain(words(move))} {code(move.source)}" for move in each.moves)]
        for each in found.scenarios
    ]  # fmt: skip
    sources = [[code(name), plain(text)] for name, text in found.sources.items()]
    moves = table(["name", "days", "what", "moves, each with its source"], rows)
    return [RULES, "### Scenarios of the past", SHIPPED, moves, table(["source", "is"], sources)]
