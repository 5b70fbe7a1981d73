"""OFAC's advanced XML (SDN_ADVANCED.XML, CONS_ADVANCED.XML): parties, documents, places and entries that refer to each
other by numbers, whose meaning stands in the file's own tables of values.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from qx.adapters.lists.ofac_csv import CONSOLIDATED, SDN, scope_of
from qx.adapters.lists.parts import (
    Element,
    Read,
    country,
    day_of,
    distinct,
    earliest,
    elements,
    imo_in,
    refused,
    said,
)  # fmt: skip
from qx.model.sanctions import Listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.sanctions import Kind

_KINDS: dict[str, Kind] = {
    "Vessel": "vessel",
    "Aircraft": "aircraft",
    "Individual": "person",
    "Entity": "entity",
}
_FAMILY = {"Last Name", "Patronymic", "Matronymic", "Maiden Name"}
_OF_ENTRY = (
    "ReferenceValueSets",
    "DateOfIssue",
    "Location",
    "IDRegDocument",
    "DistinctParty",
    "SanctionsEntry",
)
SDN_LIST = "SDN List"


class _Entry(NamedTuple):
    since: str
    programs: tuple[str, ...]
    list_name: str


class _File:
    """What was read so far; parties stand before the entries that list them."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Element]] = {}
        self.version = ""
        self.places: dict[str, str] = {}
        self.documents: dict[str, list[tuple[str, str]]] = defaultdict(list)
        self.parties: dict[str, Listed] = {}
        self.entries: dict[str, list[_Entry]] = defaultdict(list)

    def value(self, kind: str, number: str | None) -> str:
        found = self.values.get(kind, {}).get(number or "")
        return "" if found is None else (found.text or "").strip()


def read(data: bytes, name: str) -> Read:
    """Raises QX-LIST-001."""
    file = _File()
    take = {
        "ReferenceValueSets": _values, "DateOfIssue": _issued, "Location": _place, "IDRegDocument": _document,
        "DistinctParty": _party, "SanctionsEntry": _listed,
    }  # fmt: skip
    for element in elements(data, name, *_OF_ENTRY):
        take[element.tag](file, element)
    if not file.entries:
        raise refused(name, "no sanctions entry stands in it")
    blocked = any(each.list_name == SDN_LIST for listed in file.entries.values() for each in listed)
    source = SDN if blocked else CONSOLIDATED
    entries = tuple(
        _dated(party, file.entries[uid]) for uid, party in file.parties.items() if file.entries.get(uid)
    )
    return Read(source, "US", file.version, entries)


def _values(file: _File, element: Element) -> None:
    for group in element:
        file.values[group.tag.removesuffix("Values")] = {str(each.get("ID")): _copy(each) for each in group}


def _copy(element: Element) -> Element:
    made = Element(element.tag, dict(element.attrib))
    made.text = element.text
    return made


def _issued(file: _File, element: Element) -> None:
    file.version = file.version or _day(element)


def _day(element: Element | None) -> str:
    return day_of(said(element, "Year"), said(element, "Month"), said(element, "Day"))


def _place(file: _File, element: Element) -> None:
    where = element.find("LocationCountry")
    if where is not None:
        found = file.values.get("Country", {}).get(str(where.get("CountryID")))
        code = "" if found is None else str(found.get("ISO2") or country((found.text or "").strip()))
        file.places[str(element.get("ID"))] = code


def _document(file: _File, element: Element) -> None:
    kind = file.value("IDRegDocType", element.get("IDRegDocTypeID"))
    file.documents[str(element.get("IdentityID"))].append((kind, said(element, "IDRegistrationNo")))


def _party(file: _File, element: Element) -> None:
    profile = element.find("Profile")
    identity = None if profile is None else profile.find("Identity")
    if profile is None or identity is None:
        return
    groups = {
        str(group.get("ID")): file.value("NamePartType", group.get("NamePartTypeID"))
        for group in identity.iter("NamePartGroup")
    }
    names: list[str] = []
    weak: list[str] = []
    for alias in sorted(identity.findall("Alias"), key=lambda each: each.get("Primary") != "true"):
        told = [_name(each, groups) for each in alias.findall("DocumentedName")]
        (weak if alias.get("LowQuality") == "true" else names).extend(told)
    if not names:
        return
    documents = file.documents.get(str(identity.get("ID")), [])
    strong = distinct(iter(names))
    file.parties[str(profile.get("ID"))] = Listed(
        uid=str(element.get("FixedRef")), kind=_kind(file, profile), names=strong,
        weak=distinct(iter(weak), but=strong),
        country=_country(file, profile), imo=_of(documents, "Vessel Registration Identification"),
        lei=_of(documents, "Legal Entity Number"), registration=_of(documents, "Registration"),
        bic=next(_features(file, profile, "SWIFT/BIC"), ""),
    )  # fmt: skip


def _kind(file: _File, profile: Element) -> Kind:
    sub = file.values.get("PartySubType", {}).get(str(profile.get("PartySubTypeID")))
    text = "" if sub is None else (sub.text or "").strip()
    if text == "Unknown" and sub is not None:
        text = file.value("PartyType", sub.get("PartyTypeID"))
    return _KINDS.get(text, "entity")


def _name(element: Element, groups: dict[str, str]) -> str:
    family: list[str] = []
    others: list[str] = []
    for value in element.iter("NamePartValue"):
        of_family = groups.get(str(value.get("NamePartGroupID"))) in _FAMILY
        (family if of_family else others).append((value.text or "").strip())
    return f"{' '.join(family)}, {' '.join(others)}" if family and others else " ".join((*family, *others))


def _country(file: _File, profile: Element) -> str:
    for place in profile.iter("VersionLocation"):
        if found := file.places.get(str(place.get("LocationID"))):
            return found
    return ""


def _features(file: _File, profile: Element, kind: str) -> Iterator[str]:
    for feature in profile.findall("Feature"):
        if file.value("FeatureType", feature.get("FeatureTypeID")).startswith(kind):
            yield from (
                (detail.text or "").strip() for detail in feature.iter("VersionDetail") if detail.text
            )


def _of(documents: list[tuple[str, str]], kind: str) -> str:
    found = next((number for of, number in documents if of.startswith(kind) and number), "")
    return imo_in(found) if kind.startswith("Vessel") else found


def _listed(file: _File, element: Element) -> None:
    since = earliest(_day(event.find("Date")) for event in element.findall("EntryEvent"))
    programs = distinct(
        said(measure, "Comment")
        for measure in element.findall("SanctionsMeasure")
        if file.value("SanctionsType", measure.get("SanctionsTypeID")) in ("Program", "")
    )
    of = file.value("List", element.get("ListID"))
    file.entries[str(element.get("ProfileID"))].append(_Entry(since, programs, of))


def _dated(party: Listed, entries: list[_Entry]) -> Listed:
    from msgspec.structs import replace

    blocks = [each for each in entries if each.list_name in (SDN_LIST, "")]
    counted = blocks or entries
    programs = distinct(program for each in entries for program in each.programs)
    scope = "full" if blocks else scope_of(CONSOLIDATED, programs)
    return replace(party, programs=programs, since=earliest(each.since for each in counted), scope=scope)
