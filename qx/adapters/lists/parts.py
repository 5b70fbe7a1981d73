"""What the readers of lists share: text, rows of CSV, elements of XML, days, countries, identifiers."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET  # nosec B405
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from qx.model.sanctions import Listed, Regime

Element = ET.Element
NO_LIST = "QX-LIST-001"
_DAYS = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y")
_IMO = re.compile(r"\bIMO\D{0,12}(\d{7})\b", re.IGNORECASE)
_COUNTRIES = {
    "iran": "IR", "russia": "RU", "north korea": "KP", "korea, north": "KP", "syria": "SY", "venezuela": "VE",
    "burma": "MM", "democratic republic of the congo": "CD", "congo, democratic republic of the": "CD", "bolivia": "BO",
    "cote d ivoire": "CI", "the gambia": "GM", "korea, south": "KR", "laos": "LA", "macau": "MO", "moldova": "MD",
    "palestinian": "PS", "tanzania": "TZ", "turkey": "TR", "vietnam": "VN",
    "democratic people's republic of korea": "KP",
    "united states of america": "US", "hong kong": "HK", "taiwan": "TW", "uk": "GB",
}  # fmt: skip


class Read(NamedTuple):
    """What a file or some files of one list say. `version`: the day of publication, '' where they do not say it."""

    source: str
    regime: Regime
    version: str
    entries: tuple[Listed, ...]


def refused(name: str, why: str, hint: str = "") -> QxError:
    return QxError(
        NO_LIST, f"{name}: {why}", hint=hint or "name the files as they were downloaded, unpacked or as .gz"
    )


def text_of(data: bytes) -> str:
    """UTF-8 with or without a mark; else the 8-bit letters that older files of OFAC are in."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def rows(data: bytes, separator: str = ",") -> list[list[str]]:
    """White space around cells goes, and what stands for nothing."""
    reader = csv.reader(io.StringIO(text_of(data).replace("\x00", ""), newline=""), delimiter=separator)
    return [["" if (cell := each.strip()) == "-0-" else cell for each in row] for row in reader if row]


def elements(data: bytes, name: str, *wanted: str) -> Iterator[Element]:
    """Elements of these names, without their namespace, each whole; they are forgotten once they were seen.

    Raises QX-LIST-001 for what is no XML, and for any document type: none of the lists has one.
    """
    if b"\x00" in data[:4096] or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise refused(name, "XML in UTF-8 without a document type is wanted")
    depth = 0
    try:
        for event, element in ET.iterparse(io.BytesIO(data), ("start", "end")):  # noqa: S314 # nosec B314
            if event == "start":
                element.tag = element.tag.rpartition("}")[2]
                depth += element.tag in wanted
                continue
            if element.tag in wanted:
                depth -= 1
                if not depth:
                    yield element
                    element.clear()
    except ET.ParseError as error:
        raise refused(name, f"is no XML: {error}") from error


def said(element: Element | None, path: str) -> str:
    """The text there, without white space around it; '' where there is none."""
    return "" if element is None else (element.findtext(path) or "").strip()


def day(text: str) -> str:
    """As ISO 8601; '' where it is no whole day."""
    head = text.strip().split("T")[0].split(" ")[0] if text[:4].isdigit() else text.strip()
    for form in _DAYS:
        try:
            return datetime.strptime(head, form).date().isoformat()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return ""


def day_of(year: str, month: str, of_month: str) -> str:
    try:
        return date(int(year), int(month or 1), int(of_month or 1)).isoformat()
    except ValueError:
        return ""


def earliest(days: Iterator[str]) -> str:
    return min((each for each in days if each), default="")


def imo_in(text: str) -> str:
    found = _IMO.search(text)
    return found[1] if found else ""


@lru_cache(maxsize=1024)
def country(name: str) -> str:
    """ISO 3166-1 alpha-2; '' where it is not known."""
    import pycountry

    wanted = name.strip().lower()
    if wanted in _COUNTRIES:
        return _COUNTRIES[wanted]
    known = _by_name(pycountry.countries)
    return known.get(wanted, "")


@lru_cache(maxsize=1)
def _by_name(countries: Callable[[], Iterator[object]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in countries:  # type: ignore[attr-defined]
        for attribute in ("name", "official_name", "common_name", "alpha_2"):
            if told := getattr(each, attribute, ""):
                found[str(told).lower()] = each.alpha_2
    return found


def distinct(names: Iterator[str], *, but: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Once each, in order, without empty ones."""
    return tuple(
        dict.fromkeys(name for each in names if (name := " ".join(each.split())) and name not in but)
    )
