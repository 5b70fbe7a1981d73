"""Screening: the names of a transaction held against dated lists. Pure.

Identifiers first, then a name that is the same after normalising, then names that come near. Never: clears anybody
where a list is an extract or out of date; matches a ship by its name alone.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from qx.compliance.names import normal
from qx.kernel.canon import digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from qx.compliance.transaction import Transaction
    from qx.model.sanctions import Listed, SanctionsList

NEAR = 88.0  # token-sort ratio, 0 to 100: above it a name may be a listed one
HALF = Decimal(50)
PARTIES = (
    "counterparty.name", "vessel.owner", "payment.originator.name", "payment.beneficiary.name", "payment.bank",
)  # fmt: skip


class Match(NamedTuple):
    """`how`: imo, lei, bic, registration, uid, name, near. `score`: 0 to 1."""

    path: str
    asked: str
    listed: Listed
    source: str
    how: str
    score: float

    @property
    def confirmed(self) -> bool:
        return self.how != "near"


class Screened(NamedTuple):
    facts: dict[str, Any]
    matches: tuple[Match, ...]
    digest: str
    fresh_until: datetime | None


class Lists:
    """Some lists, indexed once."""

    def __init__(self, lists: tuple[SanctionsList, ...]) -> None:
        self.lists = lists

    @cached_property
    def digest(self) -> str:
        return digest([msgspec.to_builtins(each) for each in self.lists]) if self.lists else ""

    @cached_property
    def fresh_until(self) -> datetime | None:
        ends = [datetime.fromisoformat(each.fresh_until) for each in self.lists if each.fresh_until]
        return min(ends, default=None)

    def clears(self, at: datetime) -> bool:
        """Whether who is not found here may be called clear."""
        fresh = self.fresh_until is None or at < self.fresh_until
        return bool(self.lists) and all(each.whole for each in self.lists) and fresh

    @cached_property
    def _by_name(self) -> dict[str, list[tuple[Listed, str]]]:
        found: dict[str, list[tuple[Listed, str]]] = defaultdict(list)
        for each in self.lists:
            for entry in each.entries:
                for name in entry.names:
                    found[normal(name)].append((entry, each.source))
        return found

    @cached_property
    def _by_identifier(self) -> dict[tuple[str, str], tuple[Listed, str]]:
        found = {}
        for each in self.lists:
            for entry in each.entries:
                for how in ("uid", "imo", "lei", "bic", "registration"):
                    value = str(getattr(entry, how))
                    if value:
                        found[how, value] = (entry, each.source)
        return found

    @cached_property
    def _parties(self) -> tuple[str, ...]:
        return tuple(name for name, of in self._by_name.items() if any(entry.kind != "vessel" for entry, _ in of))

    def by_identifier(self, path: str, how: str, value: str) -> Iterator[Match]:
        found = self._by_identifier.get((how, value.strip()))
        if found is not None:
            yield Match(path, value, *found, how, 1.0)

    def by_name(self, path: str, name: str) -> Iterator[Match]:
        from rapidfuzz import fuzz, process

        asked = normal(name)
        same = [found for found in self._by_name.get(asked, ()) if found[0].kind != "vessel"]
        if same:
            yield from (Match(path, name, *found, "name", 1.0) for found in same)
            return
        for near, score, _ in process.extract(asked, self._parties, scorer=fuzz.token_sort_ratio, score_cutoff=NEAR):
            entry, source = self._by_name[near][0]
            yield Match(path, name, entry, source, "near", round(score / 100, 4))


def screen(transaction: Transaction, lists: Lists, at: datetime) -> Screened:
    values = transaction.values
    matches = list(_of_parties(values, lists))
    vessel = list(lists.by_identifier("vessel.imo", "imo", str(values["vessel.imo"]))) if "vessel.imo" in values else []
    owners = _owners(values, lists)
    facts: dict[str, Any] = {
        "facts.screened": lists.clears(at),
        "facts.confirmed": tuple(sorted({each.asked for each in matches if each.confirmed})),
        "facts.possible": tuple(sorted({each.asked for each in matches if not each.confirmed})),
        **owners,
    }
    if "vessel.imo" in values:
        facts["facts.vesselListed"] = bool(vessel)
    return Screened(facts, (*matches, *vessel), lists.digest, lists.fresh_until)


def _of_parties(values: Mapping[str, Any], lists: Lists) -> Iterator[Match]:
    for path, how in (("counterparty.lei", "lei"), ("counterparty.bic", "bic"), ("payment.bic", "bic"),
                      ("counterparty.registrationNo", "registration")):  # fmt: skip
        if path in values:
            yield from lists.by_identifier(path, how, str(values[path]))
    for path in PARTIES:
        if path in values:
            yield from lists.by_name(path, str(values[path]))
    for alias in values.get("counterparty.aliases", ()):
        yield from lists.by_name("counterparty.aliases", alias)


def _owners(values: Mapping[str, Any], lists: Lists) -> dict[str, Any]:
    """What listed parties hold, as an interval; told only where the interval does not straddle the half."""
    owners = values.get("counterparty.owners")
    if not isinstance(owners, tuple):
        return {}
    low, high, largest, largest_high = Decimal(0), Decimal(0), Decimal(0), Decimal(0)
    control: bool | None = False
    for owner in owners:
        if not _is_listed(owner, lists):
            continue
        control = control or owner.get("control")  # None: not told
        stake = owner.get("pct")
        low += stake or Decimal(0)
        high += stake if stake is not None else Decimal(100)
        largest = max(largest, stake or Decimal(0))
        largest_high = max(largest_high, stake if stake is not None else Decimal(100))
    intervals = {"facts.listedOwned": (low, min(high, Decimal(100))), "facts.listedLargest": (largest, largest_high)}
    settled = {name: low for name, (low, high) in intervals.items() if low == high or low > HALF or high < HALF}
    return settled if control is None else {"facts.listedControl": control, **settled}


def _is_listed(owner: Mapping[str, Any], lists: Lists) -> bool:
    if "listedUid" in owner and any(lists.by_identifier("", "uid", str(owner["listedUid"]))):
        return True
    return "name" in owner and any(each.confirmed for each in lists.by_name("", str(owner["name"])))
