"""Merkle trees: the example of RFC 6962's own implementation, and that nothing but the leaf leads to the root."""

from __future__ import annotations

import hashlib

import pytest

from qx.kernel import merkle

DATA = [bytes.fromhex(each) for each in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


@pytest.mark.parametrize("count", range(1, 9))
def test_roots_are_those_of_the_rfc(count: int) -> None:
    assert merkle.root([merkle.leaf(each) for each in DATA[:count]]).hex() == ROOTS[count - 1]


def test_no_leaves_have_the_root_of_nothing() -> None:
    assert merkle.root([]) == hashlib.sha256(b"").digest()


def by_the_rfc(leaves: list[bytes]) -> bytes:
    """Section 2.1 word for word: split at the largest power of two below the count."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return merkle.node(by_the_rfc(leaves[:split]), by_the_rfc(leaves[split:]))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7, 8, 9, 31, 33, 100])
def test_every_leaf_has_a_path_and_no_other_leaf_fits_it(count: int) -> None:
    leaves = [merkle.leaf(str(number).encode()) for number in range(count)]
    root = merkle.root(leaves)
    assert root == by_the_rfc(leaves)
    for place, leaf in enumerate(leaves):
        path = merkle.path(leaves, place)
        assert merkle.climbed(leaf, path) == root
        assert merkle.climbed(merkle.leaf(b"another"), path) != root
        assert len(path) <= (count - 1).bit_length()


def test_a_place_that_is_none_has_no_path() -> None:
    for place in (-1, 3):
        with pytest.raises(IndexError):
            merkle.path([b"a", b"b", b"c"], place)
