"""The consolidated list of the UN Security Council, XML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.adapters.lists.parts import Element, Read, country, day, distinct, elements, imo_in, refused, said
from qx.model.sanctions import Listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.sanctions import Kind

_PARTS = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
_ALIASES = {"INDIVIDUAL": "INDIVIDUAL_ALIAS", "ENTITY": "ENTITY_ALIAS"}
_KINDS: dict[str, Kind] = {"INDIVIDUAL": "person", "ENTITY": "entity"}


def read(data: bytes, name: str) -> Read:
    """Raises QX-LIST-001."""
    entries = tuple(_entry(each) for each in elements(data, name, *_KINDS))
    if not entries:
        raise refused(name, "neither an individual nor an entity stands in it")
    head = data[:4096].decode("utf-8", "replace")
    return Read("UN", "UN", day(head.partition('dateGenerated="')[2][:10]), entries)


def _entry(element: Element) -> Listed:
    kind = _KINDS[element.tag]
    names = [
        " ".join(part for each in _PARTS if (part := said(element, each))),
        said(element, "NAME_ORIGINAL_SCRIPT"),
    ]
    strong = distinct((*names, *_aliases(element, weak=False)).__iter__())
    comments = said(element, "COMMENTS1")
    where = next(
        (
            value.text
            for each in ("NATIONALITY", f"{element.tag}_ADDRESS")
            for value in _countries(element, each)
        ),
        "",
    )
    return Listed(
        uid=said(element, "REFERENCE_NUMBER") or said(element, "DATAID"), kind=kind, names=strong,
        weak=distinct(_aliases(element, weak=True), but=strong),
        programs=distinct(iter((said(element, "UN_LIST_TYPE"),))), country=country(where or ""),
        imo=imo_in(comments) if kind == "entity" else "", since=day(said(element, "LISTED_ON")),
        until=day(said(element, "DELISTED_ON")),
    )  # fmt: skip


def _aliases(element: Element, *, weak: bool) -> Iterator[str]:
    for alias in element.findall(_ALIASES[element.tag]):
        if (said(alias, "QUALITY").lower() == "low") == weak:
            yield said(alias, "ALIAS_NAME")


def _countries(element: Element, tag: str) -> Iterator[Element]:
    for each in element.findall(tag):
        yield from (
            found for path in ("VALUE", "COUNTRY") if (found := each.find(path)) is not None and found.text
        )
