"""Merkle trees as RFC 6962 has them (section 2.1): leaf and node hashes, roots, audit paths. SHA-256, digests as bytes.

A leaf's hash begins with the byte 0 and a node's with 1, so that no node passes for a leaf. A node that has no sibling
at its level rises to the next one as it is.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EMPTY = sha256(b"").digest()  # the root of no leaves


class Sibling(NamedTuple):
    """One node on the way from a leaf to the root. `left`: it stands to the left of us."""

    left: bool
    digest: bytes


def leaf(data: bytes) -> bytes:
    return sha256(b"\0" + data).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Of the leaves' hashes, in order."""
    level = list(leaves)
    while len(level) > 1:
        level = _above(level)
    return level[0] if level else EMPTY


def path(leaves: Sequence[bytes], place: int) -> tuple[Sibling, ...]:
    """The audit path of the leaf at `place`, counted from 0. Raises IndexError."""
    if not 0 <= place < len(leaves):
        raise IndexError(f"no leaf {place} among {len(leaves)}")
    found, level = [], list(leaves)
    while len(level) > 1:
        beside = place ^ 1
        if beside < len(level):
            found.append(Sibling(beside < place, level[beside]))
        level, place = _above(level), place >> 1
    return tuple(found)


def climbed(start: bytes, siblings: Iterable[Sibling]) -> bytes:
    """The root that `start`, a leaf's hash, and its audit path come to."""
    for each in siblings:
        start = node(each.digest, start) if each.left else node(start, each.digest)
    return start


def _above(level: list[bytes]) -> list[bytes]:
    pairs = zip(level[::2], level[1::2], strict=False)
    above = [sha256(b"\1" + left + right).digest() for left, right in pairs]
    return above + level[-1:] if len(level) & 1 else above
