"""Sanctions lists as they are held: dated, counted, with what each entry is known by."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Kind = Literal["entity", "person", "vessel", "aircraft"]


class Listed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry. `names`: the primary one first."""

    uid: str  # of its list
    kind: Kind
    names: tuple[str, ...]
    programs: tuple[str, ...] = ()
    country: str = ""
    imo: str = ""
    lei: str = ""
    bic: str = ""
    registration: str = ""


class SanctionsList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    source: str  # OFAC SDN, UN, EU, UK
    version: str  # the day of its publication
    whole: bool  # false: an extract, against which nobody is cleared
    fresh_until: str = ""  # an instant; after it nobody is cleared against it; '' for ever
    note: str = ""
    entries: tuple[Listed, ...]
