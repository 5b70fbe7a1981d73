"""The end of a prefix, and the pieces of the ring of samples."""

from __future__ import annotations

import pytest

from qx.adapters.etcd.samples import PLACES, stretches
from qx.adapters.etcd.wire import end_of


@pytest.mark.parametrize(("prefix", "end"), [
    (b"/qx/", b"/qx0"), (b"a", b"b"), (b"a\xff", b"b"), (b"\xff\xff", b"\0"), (b"", b"\0"),
])  # fmt: skip
def test_the_end_of_a_prefix_is_the_first_key_after_it(prefix: bytes, end: bytes) -> None:
    assert end_of(prefix) == end


@pytest.mark.parametrize(("first", "last", "pieces"), [
    (100.0, 101.0, [(1000, 1011)]),
    (599.9, 600.1, [(5999, PLACES), (0, 2)]),
    (0.0, 599.8, [(0, 5999)]),
    (0.0, 599.9, [(0, PLACES)]),
    (0.0, 1e9, [(0, PLACES)]),
    (10.0, 9.0, [(0, PLACES)]),
])  # fmt: skip
def test_a_stretch_of_time_is_read_without_the_rest_of_the_ring(
    first: float, last: float, pieces: list[tuple[int, int]]
) -> None:
    assert list(stretches(first, last)) == pieces
