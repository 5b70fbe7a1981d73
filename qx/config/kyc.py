"""Who knows the customers: files of a kind that is read, a query that asks about somebody, an address that is safe to
tell names to. Pure.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from qx.config.address import parse_url
from qx.config.fault import Fault
from qx.config.forms import above_zero
from qx.config.reference import FORMS, parse_reference
from qx.model.kyc import FileKyc, SqlKyc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.config.document import Trail
    from qx.model.kyc import HttpKyc
    from qx.model.platform import Platform

BAD = "QX-CFG-004"
KINDS = (".csv", ".json", ".ndjson", ".db", ".sqlite")
ASKED = ("lei", "registrationNo", "name", "country")
_NAMED = re.compile(r"%(?:\((\w+)\)s|%|)")
_TABLE = re.compile(r"[A-Za-z_]\w{0,62}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
MOST = 1000  # questions at the same time, attempts, failures in a row


def check(platform: Platform) -> Iterator[Fault]:
    places: list[tuple[Trail, FileKyc | SqlKyc | HttpKyc | None]] = [(("kyc",), platform.kyc)]
    places += [(("regions", name, "kyc"), region.kyc) for name, region in platform.regions.items()]
    for trail, at in places:
        if at is None:
            continue
        if not at.name.isprintable() or not 1 <= len(at.name) <= 60:
            yield Fault(BAD, (*trail, "name"), "is not a name", "1 to 60 characters: registry")
        if not 1 <= at.concurrency <= MOST:
            yield Fault(BAD, (*trail, "concurrency"), f"{at.concurrency} is not 1 to {MOST}", "use 8")
        if isinstance(at, FileKyc):
            yield from _file(trail, at)
        elif isinstance(at, SqlKyc):
            yield from _sql(trail, at)
        else:
            yield from _http(trail, at)


def provider_at(platform: Platform, region: str) -> FileKyc | SqlKyc | HttpKyc | None:
    """Who is asked about customers in `region`: its own provider, else the platform's; None: nobody. A word that is no
    region of the file is served by the platform's.
    """
    own = platform.regions[region].kyc if region in platform.regions else None
    return own or platform.kyc


def _file(trail: Trail, at: FileKyc) -> Iterator[Fault]:
    if not at.path.lower().endswith(KINDS):
        yield Fault(BAD, (*trail, "path"), "is no kind of file that is read", f"it ends in {', '.join(KINDS)}")
    if not _TABLE.fullmatch(at.table):
        yield Fault(BAD, (*trail, "table"), "is not the name of a table", "letters, digits and _: kyc")


def _sql(trail: Trail, at: SqlKyc) -> Iterator[Fault]:
    yield from above_zero((*trail, "timeout"), at.timeout)
    example = "postgresql://user@host:5432/database"
    yield from _url((*trail, "url"), at.url, ("postgresql", "postgres"), example)
    yield from _reference((*trail, "password"), at.password)
    asked = [found[1] for found in _NAMED.finditer(at.query) if found[0] != "%%"]
    wrong = sorted({name or "%" for name in asked} - set(ASKED))
    known = ", ".join(f"%({name})s" for name in ASKED)
    if not asked:
        yield Fault(BAD, (*trail, "query"), "asks about nobody", f"write WHERE lei = %(lei)s; known: {known}")
    for name in wrong:
        shown = "a bare %" if name == "%" else f"%({name})s"
        yield Fault(BAD, (*trail, "query"), f"{shown} is no parameter", f"known: {known}; %% is a %")


def _http(trail: Trail, at: HttpKyc) -> Iterator[Fault]:
    for name in ("timeout", "attempt_timeout", "connect_timeout", "rest"):
        yield from above_zero((*trail, name), getattr(at, name))
    for name, least in (("retries", 0), ("break_after", 1)):
        if not least <= getattr(at, name) <= MOST:
            yield Fault(BAD, (*trail, name), f"{getattr(at, name)} is not {least} to {MOST}", "leave it out")
    example = "https://kyc.example.com/look"
    yield from _url((*trail, "url"), at.url, ("https", "http"), example)
    if at.url.startswith("http://") and not _here(at.url):
        yield Fault(BAD, (*trail, "url"), "would tell names to the network in the clear", f"write it as {example}")
    if at.ca_file and not at.ca_file.startswith("/"):
        yield Fault(BAD, (*trail, "ca_file"), "is not an absolute path", "begin it with /: qx may run in any directory")
    for name, value in at.headers.items():
        if not _HEADER.fullmatch(name):
            yield Fault(BAD, (*trail, "headers", name), "is not the name of a header", "Authorization", on_key=True)
        if not value:
            yield Fault(BAD, (*trail, "headers", name), "is empty", f"refer to the secret: {FORMS}")
        yield from _reference((*trail, "headers", name), value)


def _here(url: str) -> bool:
    """Whether it is on this machine; also of what is no URL, which is told by itself."""
    try:
        host = parse_url(url).socket[0]
    except ValueError:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def _url(trail: Trail, url: str, schemes: tuple[str, ...], example: str) -> Iterator[Fault]:
    try:
        address = parse_url(url)
    except ValueError as error:
        yield Fault(BAD, trail, str(error), f"write it as {example}")
        return
    if address.scheme not in schemes:
        yield Fault(BAD, trail, f"has the scheme {address.scheme}://", f"write it as {example}")
    if address.password:
        yield Fault(BAD, trail, "holds a password", f"keep the secret outside, and refer to it: {FORMS}")


def _reference(trail: Trail, text: str) -> Iterator[Fault]:
    try:
        if text:
            parse_reference(text)
    except ValueError as error:
        yield Fault(BAD, trail, str(error), f"keep the secret outside, and refer to it: {FORMS}")
