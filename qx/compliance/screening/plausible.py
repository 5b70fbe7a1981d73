"""Whether a list that comes in may be what it says it is: counts, what is filled in, what the former one held. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.sanctions import Listed, SanctionsList

LEAST = {"OFAC SDN": 6000, "OFAC non-SDN": 150, "UN": 500, "EU": 1200, "UK": 1500}  # entries of a whole list
DROP, GROWTH = 0.05, 0.5  # of the former version's entries
FILLED = 0.1  # by how much less a column may be filled than it was
BARELY = 20  # entries that any change concerns: a smaller list is not measured by shares
SHARES = ("programs", "country", "imo", "since")


class Doubt(NamedTuple):
    """What is not plausible, and the figures that say so."""

    what: str
    found: str
    expected: str


def doubts(new: SanctionsList, former: SanctionsList | None, *, whole: bool) -> Iterator[Doubt]:
    """`whole`: it must be a whole list, not an extract."""
    count = len(new.entries)
    least = LEAST.get(new.source, 1) if whole else 1
    if count < least:
        yield Doubt("too few entries", str(count), f"{least} at least")
    uids = {each.uid for each in new.entries}
    if len(uids) < count or "" in uids:
        yield Doubt("entries without a uid of their own", str(count - len(uids - {""})), "0")
    nameless = sum(
        not each.names or not any(letter.isalnum() for letter in each.names[0]) for each in new.entries
    )
    if nameless:
        yield Doubt("entries without a name", str(nameless), "0")
    if not any(each.programs for each in new.entries):
        yield Doubt("entries with a programme", "none", "nearly all")
    if former is not None:
        yield from _since(new, former)


def _since(new: SanctionsList, former: SanctionsList) -> Iterator[Doubt]:
    count, before = len(new.entries), len(former.entries)
    if new.version < former.version:
        yield Doubt("older than what is held", new.version, f"{former.version} or later")
    if before < BARELY:
        return
    if count < before * (1 - DROP):
        yield Doubt("many entries are gone", f"{count} of {before}", f"{before * (1 - DROP):.0f} at least")
    if count > before * (1 + GROWTH):
        yield Doubt("many entries are new", f"{count} after {before}", f"{before * (1 + GROWTH):.0f} at most")
    for each in SHARES:
        share, was = filled(new.entries, each), filled(former.entries, each)
        if share < was - FILLED:
            yield Doubt(f"{each} is told of fewer entries", f"{share:.0%}", f"{was:.0%} as before")
    kinds = {each.kind for each in former.entries} - {each.kind for each in new.entries}
    if kinds:
        yield Doubt("a kind of entry is missing", ", ".join(sorted(kinds)), "as before")


def filled(entries: tuple[Listed, ...], what: str) -> float:
    """Share of the entries of which it is told."""
    return sum(bool(getattr(each, what)) for each in entries) / max(1, len(entries))
