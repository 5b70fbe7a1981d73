"""Rolls: which contract stands for a factor on each day, and the two levels between which each return lies.

In force after a day is the last contract (by month) that is quoted on it. The return into a day lies within the
contract that was in force after the day before, so that no return runs across a roll.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from qx.risk.quotes import Quotes

HINT = "quote the outgoing contract on the day of the roll too: the return into that day lies within it"


class Steps(NamedTuple):
    """Of a factor, entry after entry; the first entry has no step before it."""

    day: NDArray[np.intp]  # (m,), of the calendar; ascending
    row: NDArray[np.intp]  # (m,), of the quotes: in force after that day
    into: NDArray[np.intp]  # (m,), of the quotes: where the return into that day ends; -1 of the first
    missing: NDArray[np.intp]  # entries into which there is no return, as the contract of before is not quoted

    @property
    def rolls(self) -> int:
        return int(np.count_nonzero(self.into[1:] != self.row[1:]))


def steps(quotes: Quotes, of: NDArray[np.intp], day: NDArray[np.intp], factors: int) -> list[Steps]:
    """For each factor. `of`: of each quote its factor; `day`: its day in the calendar. Each (factor, day, contract)
    stands once.
    """
    words = quotes.contract.words
    place = np.empty(len(words), np.int64)
    place[np.argsort(np.array(words, dtype=object), kind="stable")] = np.arange(len(words))
    contract = place[quotes.contract.codes]
    days = int(day.max()) + 1 if len(day) else 1
    key = (of * days + day) * len(words) + contract
    order = np.argsort(key, kind="stable")
    slot = key[order] // len(words)
    last = np.flatnonzero(np.append(np.diff(slot) != 0, True)) if len(slot) else np.empty(0, np.intp)
    held, ordered = order[last], key[order]
    bounds = np.searchsorted(of[held], np.arange(factors + 1))
    return [_steps(held[low:high], day, contract, key, order, ordered, len(words))
            for low, high in pairwise(bounds)]  # fmt: skip


def _steps(
    held: NDArray[np.intp], day: NDArray[np.intp], contract: NDArray[np.int64], key: NDArray[np.int64],
    order: NDArray[np.intp], ordered: NDArray[np.int64], contracts: int,
) -> Steps:  # fmt: skip
    into = held.copy()
    into[:1] = -1
    turned = np.flatnonzero(contract[held[1:]] != contract[held[:-1]]) + 1
    wanted = key[held[turned]] // contracts * contracts + contract[held[turned - 1]]
    found = np.minimum(np.searchsorted(ordered, wanted), len(ordered) - 1)
    there = ordered[found] == wanted
    into[turned] = np.where(there, order[found], -1)
    return Steps(day[held], held, into, turned[~there])


def broken(quotes: Quotes, found: Steps) -> QxError | None:
    """QX-RISK-011, of the first roll that nothing bridges."""
    if not len(found.missing):
        return None
    at = int(found.missing[0])
    row, before = int(found.row[at]), int(found.row[at - 1])
    name, old = quotes.factor.at(row), quotes.contract.at(before)
    said = f"{name} rolls from {old} to {quotes.contract.at(row)} on {quotes.day[row]}, and {old} is not quoted then"
    return QxError("QX-RISK-011", said, hint=HINT, place=quotes.place(row))
