"""The spool: what was put there comes out once, whatever happened to the file or to who read it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from qx.adapters.evidence.spool import Full, Spool
from qx.compliance.evidence import id_bytes
from tests.fakes.kept import a_basis, contents, drafts, ids, some

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from qx.model.evidence import Basis, Content, Draft


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "bahrain.spool"


def drained(path: Path) -> list[Draft]:
    taken: list[Draft] = []
    Spool(path).drain(lambda waiting, _: taken.extend(waiting))
    return taken


def test_what_was_put_there_comes_out_in_order_and_once(path: Path) -> None:
    first, second = drafts(some(2)), drafts(some(3, 10), at=2000.0)
    Spool(path).put(first, contents)
    spool = Spool(path)
    spool.put(second, contents)
    assert spool.waiting == 5
    assert path.stat().st_mode & 0o777 == 0o600
    assert drained(path) == [*first, *second]
    assert drained(path) == []
    assert not spool.stands
    spool.put(first, contents)  # who wrote before it was drained begins anew
    assert drained(path) == first


def test_what_a_basis_speaks_of_waits_once_and_comes_with_it(path: Path) -> None:
    asked: list[Basis] = []

    def told(basis: Basis) -> list[Content]:
        asked.append(basis)
        return contents(basis)

    spool = Spool(path)
    for number in range(3):
        spool.put(drafts(some(1, number)), told)
    assert asked == [a_basis()]
    size = path.stat().st_size
    Spool(path).put(drafts(some(1, 9)), told)
    assert path.stat().st_size - size < 1000
    given: list[list[str]] = []
    spool.drain(lambda waiting, named: given.append([each.kind for each in named(a_basis())]))
    assert given == [["pack", "lists"]]


def test_what_cannot_be_kept_waits_on(path: Path) -> None:
    spool = Spool(path)
    spool.put(drafts(some(2)), contents)

    def lost(_: Sequence[Draft], __: Callable[[Basis], Sequence[Content]]) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        spool.drain(lost)
    assert drained(path) == drafts(some(2))


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_half_a_frame_is_no_frame(path: Path, cut: int) -> None:
    spool = Spool(path)
    spool.put(drafts(some(2)), contents)
    whole = path.read_bytes()
    spool.put(drafts(some(1, 5)), contents)
    path.write_bytes(path.read_bytes()[:-cut])
    other = Spool(path)
    assert other.waiting == 2
    other.put(drafts(some(1, 7)), contents)
    assert path.read_bytes()[: len(whole)] == whole
    assert drained(path) == [*drafts(some(2)), *drafts(some(1, 7))]


def test_a_frame_that_was_changed_is_not_taken(path: Path) -> None:
    Spool(path).put(drafts(some(1)), contents)
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    assert drained(path) == []


def test_it_never_grows_above_its_limit(path: Path) -> None:
    spool = Spool(path, limit=2000)
    spool.put(drafts(some(1)), contents)
    before = path.read_bytes()
    with pytest.raises(Full):
        spool.put(drafts(some(300, 5)), contents)
    assert path.read_bytes() == before


def test_a_row_that_waits_is_found(path: Path) -> None:
    spool, kept = Spool(path), some(3)
    assert spool.find(id_bytes(ids(kept)[0])) is None
    spool.put(drafts(kept), contents)
    assert spool.find(id_bytes(ids(kept)[2])) == drafts(kept)[0]
    assert spool.find(id_bytes(ids(some(1, 99))[0])) is None


def test_many_writers_lose_nothing(path: Path) -> None:
    def write(writer: int) -> None:
        spool = Spool(path)
        for turn in range(10):
            spool.put(drafts(some(1, 100 * writer + turn)), contents)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.packed.root for each in drained(path)}) == 40
