"""Screening as it is answered: each name with its matches, why they match, and what it was held against."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Result = Literal["clear", "unclear", "cleared", "sectoral", "possible", "confirmed"]


class Pairing(Struct, frozen=True, kw_only=True):
    """Words of both names that were taken for the same."""

    asked: str  # in the name that was asked
    listed: str  # in the listed one
    similarity: float  # 0 to 1
    weight: float  # how much the word tells


class Left(Struct, frozen=True, kw_only=True):
    """A word that only one of the names has."""

    word: str  # folded
    weight: float  # how much it tells


class Likeness(Struct, frozen=True, kw_only=True):
    """A listed party that a name came near."""

    path: str  # where the name stands in the transaction; `name` for a name alone
    asked: str  # what was asked
    source: str  # the list
    uid: str  # of the entry, on its list
    kind: str  # entity, person, vessel, aircraft
    name: str  # the primary name of the entry
    matched: str  # which of its names came near
    how: str  # imo, lei, bic, registration, uid, name, weak, near
    score: float  # 0 to 1
    standing: str  # confirmed, possible, sectoral, cleared; of a near miss: what it would be
    scope: str  # full: its assets are blocked; sectoral: certain dealings are forbidden
    programs: tuple[str, ...]  # under which it is listed
    since: str = ""  # listed from; '' not told
    entry: str = ""  # SHA-256 of the entry: what a clearance is bound to
    pairs: tuple[Pairing, ...] = ()  # words that are the same or near
    only_asked: tuple[Left, ...] = ()  # words that only the asked name has
    only_listed: tuple[Left, ...] = ()  # words that only the listed one has
    cleared_by: str = ""  # who cleared it
    cleared_until: str = ""  # the instant at which that ends


class ListUsed(Struct, frozen=True, kw_only=True):
    """A list that names were held against."""

    source: str  # whose list
    version: str  # the day of its publication
    regime: str  # US, EU, UK, UN
    whole: bool  # false: an extract
    fresh_until: str  # after it nobody is cleared against it; '' for ever
    entries: int  # parties and ships
    names: int  # with their aliases
    sha256: str  # of its canonical form
    note: str = ""  # what it says of itself


class NameScreened(Struct, frozen=True, kw_only=True):
    """What one name, or one transaction, came to."""

    asked: str  # the name, or the transaction's id
    result: Result  # the heaviest of its matches; unclear: none, but these lists cannot clear anybody
    matches: tuple[Likeness, ...]  # at or above the threshold, the best first
    near: tuple[Likeness, ...]  # the best below it: what was looked at and passed over


class Screening(Struct, frozen=True, kw_only=True):
    as_of: str  # the instant that it was asked for
    can_clear: bool  # whether who is not found may be called clear
    because: str  # why not; '' where it can
    algorithm: str  # how names are compared
    threshold: float  # from which a name may be a listed one
    lists: tuple[ListUsed, ...]  # what was asked
    digest: str  # of all that the answer rests on beside the names
    screened: tuple[NameScreened, ...]  # in the order they were asked
