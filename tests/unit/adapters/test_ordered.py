"""The keys of a large block, in order: as one by one, however alike they begin; and what is told of them again."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from qx.adapters.evidence.ordered import entries
from qx.adapters.evidence.seen import Seen
from qx.adapters.evidence.shelf import index_of, split

if TYPE_CHECKING:
    from collections.abc import Callable

DICE = random.Random(7)
KEYS: dict[str, Callable[[int], bytes]] = {
    "as digests": lambda _: DICE.randbytes(20),
    "of one beginning": lambda place: b"\xff" * 8 + DICE.randbytes(8) + place.to_bytes(4, "big"),
    "but for the last byte": lambda place: b"\x80" * 19 + bytes([255 - place]),
    "some alike": lambda place: bytes([place % 7]) * 12 + DICE.randbytes(8),
}


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("count", [1, 2, 200])
def test_entries_are_in_the_order_of_their_bytes(kind: str, count: int) -> None:
    keys = [KEYS[kind](place) for place in range(count)]
    found = entries(b"".join(keys))
    assert found == b"".join(sorted(key + place.to_bytes(4, "big") for place, key in enumerate(keys)))
    assert {key: place for _, slice_ in split(found) for key, place in index_of(slice_).items()} == {
        key: place for place, key in enumerate(keys)
    }


def test_a_key_that_was_told_is_known_again() -> None:
    seen, keys = Seen(), [DICE.randbytes(20) for _ in range(2000)]
    assert len(seen.tell(b"".join(keys))) <= 1
    assert seen.tell(b"".join(keys[:1000])) == list(range(1000))
