"""The EU's consolidated list of financial sanctions: XML 1.1, or CSV with a row for each name, address or document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.adapters.lists.parts import Element, Read, day, distinct, earliest, elements, imo_in, refused, rows
from qx.model.sanctions import Listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.sanctions import Kind

_UID, _NAME = ("Entity_LogicalId", "Entity_logical_id"), ("NameAlias_WholeName", "Naal_wholename")
_KIND = ("Entity_SubjectType_ClassificationCode", "Entity_SubjectType", "Subject_type")
_PROGRAMME = ("Entity_Regulation_Programme", "Programme")
_DATES = ("Entity_DesignationDate", "Entity_Regulation_PublicationDate", "Leba_publication_date")
_MADE = ("fileGenerationDate", "FileGenerationDate", "Date_file")
_WHERE = ("Address_CountryIso2Code", "Citizenship_CountryIso2Code")
_STRONG = ("NameAlias_Strong",)
UNKNOWN = "00"


def read_xml(data: bytes, name: str) -> Read:
    """Raises QX-LIST-001."""
    entries = tuple(found for each in elements(data, name, "sanctionEntity") if (found := _entry(each)).names)
    if not entries:
        raise refused(name, "no sanctionEntity stands in it")
    head = data[:4096].decode("utf-8", "replace")
    return Read("EU", "EU", day(head.partition('generationDate="')[2][:10]), entries)


def _entry(element: Element) -> Listed:
    names = element.findall("nameAlias")
    strong = distinct(str(each.get("wholeName", "")) for each in names if each.get("strong") != "false")
    weak = distinct(
        (str(each.get("wholeName", "")) for each in names if each.get("strong") == "false"), but=strong
    )
    listed = day(element.get("designationDate", "")) or earliest(
        day(str(each.get("publicationDate", "")))
        for each in (*element.findall("regulation"), *element.iter("regulationSummary"))
    )
    subject = element.find("subjectType")
    places = (
        each.get("countryIso2Code", "") for tag in ("citizenship", "address") for each in element.findall(tag)
    )
    return Listed(
        uid=str(element.get("euReferenceNumber") or element.get("logicalId")), kind=_kind(subject),
        names=strong or weak, weak=weak if strong else (),
        programs=distinct(str(each.get("programme", "")) for each in element.findall("regulation")),
        country=next((place for place in places if place and place != UNKNOWN), ""),
        imo=next(_numbers(element, "imo"), "") or imo_in(str(element.findtext("remark"))),
        registration=next(_numbers(element, "regnumber"), ""), bic=next(_numbers(element, "swiftbic"), ""),
        since=listed,
    )  # fmt: skip


def _kind(subject: Element | None) -> Kind:
    code = "" if subject is None else str(subject.get("code") or subject.get("classificationCode"))
    return "person" if code.lower() in ("person", "p", "individual") else "entity"


def _numbers(element: Element, kind: str) -> Iterator[str]:
    for each in element.findall("identification"):
        if each.get("identificationTypeCode") == kind and (
            number := each.get("latinNumber") or each.get("number")
        ):
            yield number


def read_csv(data: bytes, name: str) -> Read:
    """Columns by the first of their names; some stand more than once. Raises QX-LIST-001."""
    head, *body = rows(data, ";") or [[]]
    columns = {title: place for place, title in reversed(list(enumerate(head)))}

    def cell(row: list[str], titles: tuple[str, ...]) -> str:
        return next(
            (
                row[place]
                for title in titles
                if (place := columns.get(title, len(row))) < len(row) and row[place]
            ),
            "",
        )

    if not any(title in columns for title in _UID) or not any(title in columns for title in _NAME):
        raise refused(name, f"has no column {_UID[0]} or {_NAME[0]}")
    found: dict[str, list[list[str]]] = {}
    for row in body:
        if uid := cell(row, _UID):
            found.setdefault(uid, []).append(row)
    entries = []
    for uid, many in found.items():
        weak = distinct(cell(row, _NAME) for row in many if cell(row, _STRONG).lower() == "false")
        names = distinct((cell(row, _NAME) for row in many), but=weak) or weak
        if names:
            person = cell(many[0], _KIND).lower() in ("p", "person")
            entries.append(
                Listed(
                    uid=uid, kind="person" if person else "entity", names=names, weak=weak if names != weak else (),
                    programs=distinct(cell(row, _PROGRAMME) for row in many),
                    country=next((place for row in many if (place := cell(row, _WHERE)) and place != UNKNOWN), ""),
                    since=earliest(day(cell(row, _DATES)) for row in many),
                )
            )  # fmt: skip
    return Read("EU", "EU", day(cell(body[0], _MADE)) if body else "", tuple(entries))
