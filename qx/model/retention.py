"""Retention: how long data must be kept, and by when they must be gone, by every regime that applies."""

from __future__ import annotations

from msgspec import Struct

from qx.model.rules import Citation, Status


class Regime(Struct, frozen=True, kw_only=True):
    """One rule that keeps data of these classes, or has them deleted."""

    id: str  # its own
    jurisdiction: str  # whose law it is
    classes: tuple[str, ...]  # of data
    years: int  # to be kept at least; of a duty to delete: kept at most, 0: no longer than they are needed
    counts_from: str  # what the years count from
    citation: Citation  # where it stands
    status: Status  # how well it is known
    deletes: bool = False  # a duty to delete
    since: str = ""  # first day
    until: str = ""  # the day on which it ends; '' further notice
    note: str = ""


class Retention(Struct, frozen=True, kw_only=True):
    """The answer for data of one class."""

    data_class: str  # kyc_pii, ...
    jurisdictions: tuple[str, ...]  # whose law was asked
    as_of: str  # the day that it was judged at
    years: int  # to be kept; 0: nobody asks for it
    wins: tuple[Regime, ...]  # that want so many years
    keeps: tuple[Regime, ...]  # all that keep them, the longest first
    deletes: tuple[Regime, ...]  # all that have them deleted
    conflicts: tuple[str, ...]  # regimes that have them deleted before that, by id
