"""The chain: whatever is written verifies, and whatever is changed is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from qx.engine.chain import export, missing_from, read_export, verify
from qx.kernel.errors import QxError
from qx.model.journal import Chained, Entry, Event, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

words = st.text(max_size=8)
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | words,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(words | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)
bodies = st.builds(
    Entry, run=st.sampled_from(("run-1", "run-2", "run-3")), seq=st.just(0), step=words,
    at=st.floats(0, 4e9) | st.integers(0, 10**10), epoch=st.integers(0, 2**40),
    event=st.sampled_from(Event), outcome=st.none() | st.sampled_from(Outcome),
    proof=st.dictionaries(words, values, max_size=3), error=st.none() | st.dictionaries(words, words, max_size=2),
)


def written(entries: Sequence[Entry]) -> list[Chained]:
    """As a store would write them, one after the other."""
    chain: list[Chained] = []
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.run] = counts.get(entry.run, 0) + 1
        chain.append(replace(entry, seq=counts[entry.run]).chained_to(chain[-1].digest if chain else ""))
    return chain


chains = st.lists(bodies, max_size=8).map(written)
long_chains = st.lists(bodies, min_size=2, max_size=8).map(written)


@given(chains)
def test_what_was_written_verifies_and_comes_back_from_an_export(chain: list[Chained]) -> None:
    assert verify(chain) == []
    lines = list(export("store-1", chain))
    back = read_export((line + "\n" for line in lines), "x.ndjson")
    assert list(back.chain) == chain
    assert list(export(back.header.store_id, back.chain, back.header.run)) == lines
    assert missing_from(back.chain, chain) == []


@given(chains)
def test_the_export_of_one_run_verifies_without_the_others(chain: list[Chained]) -> None:
    of_run = [link for link in chain if link.entry.run == "run-1"]
    assert verify(read_export(export("store-1", of_run, "run-1"), "x").chain, whole=False) == []


@given(long_chains, st.data())
def test_an_entry_changed_moved_doubled_or_dropped_is_found(chain: list[Chained], data: st.DataObject) -> None:
    n = data.draw(st.integers(0, len(chain) - 1))
    changed = list(chain)
    match data.draw(st.sampled_from(("change", "swap", "double", "drop", "reseal"))):
        case "change":
            changed[n] = replace(chain[n], entry=replace(chain[n].entry, at=chain[n].entry.at + 1.0))
        case "swap":
            changed[n], changed[n - 1] = changed[n - 1], changed[n]
        case "double":
            changed.insert(n, chain[n])
        case "drop":
            n = data.draw(st.integers(0, len(chain) - 2))  # a missing end is what exports are kept for
            del changed[n]
        case "reseal":
            n = data.draw(st.integers(0, len(chain) - 2))
            changed[n] = replace(chain[n].entry, at=chain[n].entry.at + 1.0).chained_to(chain[n].previous)
    assert verify(changed)


@given(long_chains)
def test_one_change_is_told_once(chain: list[Chained]) -> None:
    changed = [replace(chain[0], entry=replace(chain[0].entry, at=-1.0)), *chain[1:]]
    (only,) = verify(changed)
    assert (only.position, only.run, only.seq, only.what) == (1, chain[0].entry.run, 1, "digest")
    assert only.found == chain[0].digest


@given(long_chains, st.data())
def test_a_rewritten_or_cut_store_is_found_by_an_earlier_export(chain: list[Chained], data: st.DataObject) -> None:
    kept = data.draw(st.integers(0, len(chain) - 1))
    rewritten = written([link.entry if n < kept else replace(link.entry, at=-5.0) for n, link in enumerate(chain)])
    assert verify(rewritten) == []
    assert missing_from(rewritten, chain) == chain[kept:]
    assert missing_from(chain[:kept], chain) == chain[kept:]


@given(long_chains, st.data())
def test_a_damaged_export_is_refused_with_its_line(chain: list[Chained], data: st.DataObject) -> None:
    lines = list(export("store-1", chain))
    n = data.draw(st.integers(0, len(lines) - 1))
    harm = data.draw(st.sampled_from(("cut", "space", "more", "drop", "empty")))
    match harm:
        case "cut":
            lines[n] = lines[n][:-1]
        case "space":
            lines[n] = lines[n].replace(":", ": ", 1)
        case "more":
            lines[n] = '{"hidden":1,' + lines[n][1:]
        case "drop":
            del lines[n]
        case "empty":
            lines = []
    with pytest.raises(QxError) as error:
        read_export(lines, "x.ndjson")
    assert error.value.code == "QX-STORE-004"
    assert error.value.place is not None
    assert error.value.place.file == "x.ndjson"
    if harm in {"cut", "space", "more"}:
        assert error.value.place.line == n + 1
