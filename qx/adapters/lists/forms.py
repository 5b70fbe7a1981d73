"""Which list some files are, told by what stands in them, and read as such."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import TYPE_CHECKING

from qx.adapters.lists import eu, ofac_csv, ofac_xml, uk, un
from qx.adapters.lists.parts import refused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qx.adapters.lists.parts import Read

HEAD = 8192  # bytes within which every form shows itself
MOST = 1 << 30  # bytes of one file when unpacked
SOURCES = (ofac_csv.SDN, ofac_csv.CONSOLIDATED, "UN", "EU", "UK")


def read(files: Mapping[str, bytes], source: str = "") -> Sequence[Read]:
    """By file name; the three CSV of OFAC are one list. `source`: whose they must be, '' whatever they show.

    Raises QX-LIST-001.
    """
    found: list[Read] = []
    parts: dict[str, bytes] = {}
    consolidated = source == ofac_csv.CONSOLIDATED
    for name, packed in files.items():
        data = unpacked(packed, name)
        form = form_of(data)
        if form.startswith("ofac csv"):
            part = form.rpartition(" ")[2]
            if part in parts:
                raise refused(name, f"is a second {part} file of OFAC")
            parts[part] = data
            consolidated = consolidated or name.lower().startswith("cons")
        elif form:
            found.append(_READERS[form](data, name))
        else:
            raise refused(name, "is none of the lists that are known", f"those of {', '.join(SOURCES)}")
    if parts:
        found.append(ofac_csv.read(parts, ofac_csv.CONSOLIDATED if consolidated else ofac_csv.SDN))
    for each in found:
        if source and each.source != source:
            raise refused(", ".join(files), f"is the list {each.source}, not {source}")
    return found


_READERS = {
    "ofac xml": ofac_xml.read,
    "un": un.read,
    "eu xml": eu.read_xml,
    "eu csv": eu.read_csv,
    "uk": uk.read,
}


def form_of(data: bytes) -> str:
    """'' where it is none."""
    head = data[:HEAD].decode("utf-8-sig", "replace")
    if head.lstrip().startswith("<"):
        marks = {
            "<CONSOLIDATED_LIST": "un",
            "fpi/fsd/export": "eu xml",
            "<sanctionEntity": "eu xml",
            "<Sanctions": "ofac xml",
        }
        return next((form for mark, form in marks.items() if mark in head), "")
    if "Entity_LogicalId" in head or "Entity_logical_id" in head:
        return "eu csv"
    if "Name 6" in head and ("Group ID" in head or "Unique ID" in head):
        return "uk"
    part = ofac_csv.which(data)
    return f"ofac csv {part}" if part else ""


def unpacked(data: bytes, name: str) -> bytes:
    """Gzip is unpacked. Raises QX-LIST-001 where it is broken or too large."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            found = file.read(MOST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise refused(name, f"cannot be unpacked: {error}") from error
    if len(found) > MOST:
        raise refused(name, "is too large when unpacked")
    return found
