"""Sanctions lists as they are held: dated, counted, with what each entry is known by; and who was cleared of what."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal["entity", "person", "vessel", "aircraft"]
Scope = Literal["full", "sectoral"]
Regime = Literal["US", "EU", "UK", "UN", ""]


class Listed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """One entry. `names`: the primary one first. `since` and `until`: a day in UTC or an instant; '' not told."""

    uid: str  # of its list
    kind: Kind
    names: tuple[str, ...]
    weak: tuple[str, ...] = ()  # aliases that the list itself calls weak: at most a possible match
    programs: tuple[str, ...] = ()
    country: str = ""
    imo: str = ""
    lei: str = ""
    bic: str = ""
    registration: str = ""
    since: str = ""  # listed from, included
    until: str = ""  # delisted: not included
    scope: Scope = "full"  # sectoral: certain dealings are forbidden, nothing is frozen


class SourceFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that a list was read from."""

    name: str  # without its directory
    sha256: str  # of its bytes


class SanctionsList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    source: str  # OFAC SDN, OFAC non-SDN, UN, EU, UK
    version: str  # the day of its publication
    whole: bool  # false: an extract, against which nobody is cleared
    regime: Regime = ""  # whose list it is
    fresh_until: str = ""  # an instant; after it nobody is cleared against it; '' for ever
    note: str = ""
    imported: str = ""  # the instant of its import
    forced: str = ""  # why it was taken although it looked implausible
    files: tuple[SourceFile, ...] = ()
    entries: tuple[Listed, ...]


class Cleared(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A match that a person found to be somebody else. Void once the entry or the party's record changes, and at
    `until`.
    """

    party: str  # the name that was asked
    record: str  # digest of the party's record: its name, country and identifiers
    source: str  # the list
    uid: str  # of the entry
    entry: str  # digest of the entry
    by: str  # who decided
    reason: str  # why
    at: str  # the instant of the decision
    until: str  # the instant from which it no longer holds
