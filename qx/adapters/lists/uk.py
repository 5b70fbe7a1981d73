"""The UK sanctions list, CSV, and OFSI's consolidated list that it replaced on 28 January 2026: a row for each name."""

from __future__ import annotations

from qx.adapters.lists.parts import Read, country, day, distinct, earliest, imo_in, refused, rows
from qx.model.sanctions import Listed

PARTS = ("Name 1", "Name 2", "Name 3", "Name 4", "Name 5", "Name 6")
_UID = ("Unique ID", "Group ID")
_NAME_TYPE = ("Name type", "Alias Type", "AliasType")
_QUALITY = ("Alias strength", "Alias Quality")
_SCRIPT = ("Name non-latin script", "Name Non-Latin Script")
_KIND = ("Designation Type", "Individual, Entity, Ship", "Individual/Entity/Ship", "Group Type")
_REGIME = ("Regime Name", "Regime")
_SINCE = ("Date Designated", "UK Sanctions List Date Designated", "Listed On")
_WHERE = ("Address Country", "Country", "Nationality(/ies)", "Nationality", "Current believed flag of ship")
_MEASURES = ("Sanctions Imposed", "UK Sanctions Imposed")
_NUMBER = ("Business registration number (s)", "Business registration number(s)")
_IMO = ("IMO number", "IMO Number")
_LATEST = 5  # rows before the header, at most


def read(data: bytes, name: str) -> Read:
    """Raises QX-LIST-001."""
    every = rows(data)
    place = next(
        (n for n, row in enumerate(every[:_LATEST]) if "Name 6" in row and set(_UID) & set(row)), None
    )
    if place is None:
        raise refused(name, "has no header with Name 6 and Unique ID or Group ID")
    columns = {title: n for n, title in enumerate(every[place])}

    def cell(row: list[str], titles: tuple[str, ...]) -> str:
        return next(
            (row[n] for title in titles if (n := columns.get(title, len(row))) < len(row) and row[n]), ""
        )

    found: dict[str, list[list[str]]] = {}
    for row in every[place + 1 :]:
        if uid := cell(row, _UID):
            found.setdefault(uid, []).append(row)
    entries = []
    for uid, many in found.items():
        many.sort(key=lambda row: not cell(row, _NAME_TYPE).lower().startswith("primary"))
        latin = [
            (_whole(row, columns), cell(row, _QUALITY).lower() in ("low", "low quality", "weak"))
            for row in many
        ]
        strong = distinct(
            iter([*(each for each, weak in latin if not weak), *(cell(row, _SCRIPT) for row in many)])
        )
        weak = distinct((each for each, is_weak in latin if is_weak), but=strong)
        if not strong and not weak:
            continue
        kind = cell(many[0], _KIND).lower()
        measures = " ".join(cell(row, _MEASURES).lower() for row in many)
        number = "".join(letter for letter in cell(many[0], _IMO) if letter.isdigit())
        entries.append(
            Listed(
                uid=uid, names=strong or weak, weak=weak if strong else (),
                kind="person" if kind.startswith("ind") else "vessel" if kind.startswith("ship") else "entity",
                programs=distinct(cell(row, _REGIME) for row in many),
                country=next((code for row in many if (code := country(cell(row, _WHERE)))), ""),
                imo=number if len(number) == 7 else imo_in(cell(many[0], _IMO)),
                registration=cell(many[0], _NUMBER), since=earliest(day(cell(row, _SINCE)) for row in many),
                scope="full" if kind.startswith("ship") or not measures.strip() or "freeze" in measures else "sectoral",
            )
        )  # fmt: skip
    return Read("UK", "UK", _made(every[:place]), tuple(entries))


def _whole(row: list[str], columns: dict[str, int]) -> str:
    parts = (row[columns[each]] for each in PARTS if columns.get(each, len(row)) < len(row))
    return " ".join(part for part in parts if part and part != "0")


def _made(before: list[list[str]]) -> str:
    """`Report Date: 23-Sep-2026`, or `Last Updated,21/09/2026`."""
    return next((found for row in before for cell in row if (found := day(cell.rpartition(":")[2]))), "")
