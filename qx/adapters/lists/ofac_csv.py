"""OFAC's CSV: sdn.csv or cons_prim.csv with the names, alt.csv with the aliases, add.csv with the addresses.

No header; columns by place. Of identifiers, and of aliases that OFAC calls weak, the remarks tell.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from qx.adapters.lists.parts import Read, country, distinct, imo_in, refused, rows
from qx.model.sanctions import Listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.model.sanctions import Kind, Scope

SDN, CONSOLIDATED = "OFAC SDN", "OFAC non-SDN"
COLUMNS, ALT_COLUMNS, ADD_COLUMNS = 12, 5, 6
_KINDS: dict[str, Kind] = {"individual": "person", "vessel": "vessel", "aircraft": "aircraft"}
_WEAK = re.compile(r"\b[afn]\.k\.a\. '([^']+)'")
_BIC = re.compile(r"SWIFT/BIC ([A-Z0-9]{8,11})")
_LEI = re.compile(r"\bLEI\)? ([A-Z0-9]{18}\d\d)\b")
_REGISTRATION = re.compile(
    r"\b(?:Registration (?:Number|ID)|Commercial Registry Number|Company Number) ([\w./-]+)"
)


def which(data: bytes) -> str:
    """'main', 'alt', 'add' by the number of columns; '' for none of them."""
    head = rows(data[:4096].rpartition(b"\n")[0] or data)[:5]
    widths = {len(row) for row in head if row[0].isdigit()}
    return {
        frozenset({COLUMNS}): "main",
        frozenset({ALT_COLUMNS}): "alt",
        frozenset({ADD_COLUMNS}): "add",
    }.get(frozenset(widths), "")


def read(files: Mapping[str, bytes], source: str) -> Read:
    """`files`: by what they are; `source`: SDN or CONSOLIDATED. Raises QX-LIST-001 without the main one."""
    if "main" not in files:
        raise refused("OFAC", "the file with the names is missing", "sdn.csv, or cons_prim.csv")
    aliases: dict[str, list[str]] = defaultdict(list)
    for row in rows(files.get("alt", b"")):
        if len(row) >= ALT_COLUMNS and row[0].isdigit():
            aliases[row[0]].append(row[3])
    countries: dict[str, str] = {}
    for row in rows(files.get("add", b"")):
        if len(row) >= ADD_COLUMNS - 1 and row[0].isdigit() and (found := country(row[4])):
            countries.setdefault(row[0], found)
    entries = tuple(
        _entry(row, aliases[row[0]], countries.get(row[0], ""), source)
        for row in rows(files["main"])
        if len(row) >= COLUMNS and row[0].isdigit()
    )
    return Read(source, "US", "", entries)


def _entry(row: list[str], aliases: list[str], where: str, source: str) -> Listed:
    uid, name, kind, programs, remarks = row[0], row[1], row[2], row[3], row[11]
    names = distinct(iter((name, *aliases)))
    tags = distinct(each.strip("[] ") for each in re.split(r"\]\s*\[|;", programs))
    vessel = kind.lower() == "vessel"
    return Listed(
        uid=uid, kind=_KINDS.get(kind.lower(), "entity"), names=names,
        weak=distinct(iter(_WEAK.findall(remarks)), but=names),
        programs=tags, country=where, imo=imo_in(remarks) if vessel else "", bic=_first(_BIC, remarks),
        lei=_first(_LEI, remarks), registration=_first(_REGISTRATION, remarks), scope=scope_of(source, tags),
    )  # fmt: skip


def scope_of(source: str, programs: tuple[str, ...]) -> Scope:
    """Only the SDN list freezes; with evaders of sanctions nobody may deal all the same."""
    if source == CONSOLIDATED and not any(each.startswith("FSE") for each in programs):
        return "sectoral"
    return "full"


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""
