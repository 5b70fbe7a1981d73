"""Lists: some sanctions lists, indexed once, and what a name or an identifier finds in them. Pure.

Identifiers first, then a name that is the same, then names that come near, each with why. An entry counts only from
the instant of its listing to that of its delisting. Never: clears anybody where a list is an extract or out of date;
matches a ship by its name for certain.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from qx.compliance import dated
from qx.compliance.facts import ANY, LAWS
from qx.compliance.names import normal
from qx.compliance.screening.compare import Compared, compared
from qx.compliance.screening.index import Index, build
from qx.compliance.screening.name import either, is_syllabic, same_letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from qx.compliance.screening.name import Name
    from qx.model.sanctions import Cleared, Listed, SanctionsList

ALGORITHM = "qx-names/1"  # raised whenever a name may come to another score
THRESHOLD = 0.82  # from which a name may be a listed one
SAME = 0.99  # most that a name can score that is not the same, letter for letter
NEAR_MISSES = 3
IDENTIFIERS = ("uid", "imo", "lei", "bic", "registration")
SHIPS = ("vessel", "aircraft")


class Hit(Struct, frozen=True, gc=False):
    """A listed name that came near. `how`: name (the same), weak (the same as a weak alias), near."""

    listed: Listed
    source: str
    name: str  # which of its names
    how: str
    score: float
    compared: Compared | None = None  # word by word, where it is not the same


class Found(Struct, frozen=True, gc=False):
    """`hits`: at or above the threshold, the best first, one an entry; `misses`: the best below it."""

    asked: str
    hits: tuple[Hit, ...]
    misses: tuple[Hit, ...]


class _Known(Struct, frozen=True, gc=False):
    listed: Listed
    source: str
    name: str
    weak: bool


class Lists:
    """`index`: of these very lists, from a cache; given, or set later; else it is built when it is first needed."""

    def __init__(
        self, lists: tuple[SanctionsList, ...], *, cleared: tuple[Cleared, ...] = (), threshold: float = THRESHOLD,
        index: Index | None = None,
    ) -> None:  # fmt: skip
        self.lists, self.threshold = lists, threshold
        self.cleared = {(each.record, each.source, each.uid): each for each in cleared}
        if index is not None:
            self.index = index
        self._found: dict[tuple[str, bool], Found] = {}

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """SHA-256 of each list."""
        return tuple(hashlib.sha256(msgspec.json.encode(each)).hexdigest() for each in self.lists)

    @cached_property
    def digest(self) -> str:
        """Of all that names are held against: the lists, the way, the threshold; '' without any list."""
        return hashlib.sha256(self.named).hexdigest() if self.lists else ""

    @property
    def named(self) -> bytes:
        """What the digest is of: a line for each list, then the way, then the threshold."""
        return "\n".join([*self.digests, ALGORITHM, f"{self.threshold:.4f}"]).encode()

    @cached_property
    def fresh_until(self) -> datetime | None:
        return min(
            (dated.instant(each.fresh_until, "UTC") for each in self.lists if each.fresh_until), default=None
        )

    def clears(self, at: datetime) -> bool:
        """Whether who is not found here may be called clear."""
        fresh = self.fresh_until is None or at < self.fresh_until
        return bool(self.lists) and all(each.whole for each in self.lists) and fresh

    @cached_property
    def laws(self) -> dict[str, frozenset[str]]:
        """By source: under which LAWS an owner that stands on it counts. Under its own; where it is the United Nations'
        or nobody says whose it is, under all; and under every law of which no list is held: any list is better.
        """
        held = {each.regime for each in self.lists}
        unheld = {law for law in LAWS if law not in held}
        return {
            each.source: frozenset(LAWS if each.regime in ("UN", "") else {ANY, each.regime, *unheld})
            for each in self.lists
        }

    @cached_property
    def changes(self) -> tuple[datetime, ...]:
        """Every instant at which the same name may come to another answer, in order."""
        told = [text for each in self.lists for entry in each.entries for text in (entry.since, entry.until)]
        told += [text for each in self.cleared.values() for text in (each.at, each.until)]
        told += [each.fresh_until for each in self.lists]
        return tuple(sorted({dated.instant(text, "UTC") for text in told if text}))

    @cached_property
    def _known(self) -> list[_Known]:
        """Every name of every entry: the index knows them by their place here."""
        return [
            _Known(entry, each.source, name, weak)
            for each in self.lists
            for entry in each.entries
            for names, weak in ((entry.names, False), (entry.weak, True))
            for name in names
        ]

    @cached_property
    def index(self) -> Index:
        return Index(
            build(
                [(each.name, "person" if each.listed.kind == "person" else "entity") for each in self._known]
            )
        )

    @cached_property
    def _by_identifier(self) -> dict[tuple[str, str], list[tuple[Listed, str]]]:
        found = defaultdict(list)
        for each in self.lists:
            for entry in each.entries:
                for how in IDENTIFIERS:
                    if value := str(getattr(entry, how)):
                        found[how, value.upper()].append((entry, each.source))
        return found

    def by_identifier(self, how: str, value: str) -> list[tuple[Listed, str]]:
        """The entries that have it, at any time."""
        return self._by_identifier.get((how, value.strip().upper()), [])

    def match(self, names: Sequence[str], *, ships: bool = False) -> list[Found]:
        """What each name finds, at any time: among ships, or among all others. The same name is looked for once."""
        return [self._found_of(name, ships=ships) for name in names]

    def _found_of(self, name: str, *, ships: bool) -> Found:
        found = self._found.get((name, ships))
        if found is None:
            if len(self._found) > MOST_NAMES:
                self._found.clear()
            hits = sorted(self._hits(name, ships=ships), key=_rank)
            above = sum([each.score >= self.threshold for each in hits])
            found = self._found[name, ships] = Found(
                name, tuple(hits[:above]), tuple(hits[above : above + NEAR_MISSES])
            )
        return found

    def _hits(self, name: str, *, ships: bool) -> Iterable[Hit]:
        best: dict[tuple[str, str], Hit] = {}
        for number in self.index.same(normal(name)):
            known = self._known[number]
            if (known.listed.kind in SHIPS) == ships and same_letters(name, known.name):
                how = "weak" if known.weak else "name"
                _keep(best, Hit(known.listed, known.source, known.name, how, 1.0))
        for place, asked in self._alike(name, ships=ships):
            known = self._known[self.index.numbers[place]]
            if (known.listed.kind in SHIPS) == ships and not known.weak:
                listed = self.index.name(place)
                found = compared(asked, replace(listed, strict=True) if is_syllabic(known.name) else listed)
                if found.score > 0:
                    score = min(found.score, SAME)
                    _keep(best, Hit(known.listed, known.source, known.name, "near", score, found))
        return best.values()

    def _alike(self, name: str, *, ships: bool) -> Iterator[tuple[int, Name]]:
        """Lines worth comparing, with the name as their kind takes it apart."""
        entity, person = either(name)
        index = self.index
        words, joined = index.candidates(entity), index.joined(entity)
        for place in index.places(entity, words | joined):
            yield place, entity
        if ships:
            return
        if person.words is not entity.words:
            words = index.candidates(person)
        if person.bare != entity.bare:
            joined = index.joined(person)
        for place in index.places(person, words | joined):
            yield place, person


MOST_NAMES = 100_000  # that are remembered
_HOWS = {"name": 0, "weak": 1, "near": 2}


def _keep(best: dict[tuple[str, str], Hit], hit: Hit) -> None:
    """One an entry: the best; of equal ones that which is the same by its very name."""
    key = (hit.source, hit.listed.uid)
    former = best.get(key)
    if former is None or _rank(hit) < _rank(former):
        best[key] = hit


def _rank(hit: Hit) -> tuple[float, int, str, str]:
    return -hit.score, _HOWS[hit.how], hit.source, hit.listed.uid


def stands(listed: Listed, at: datetime) -> bool:
    """Whether it was on its list then."""
    since, until = dated.bounds(listed.since, listed.until, "UTC")
    return since <= at < until
