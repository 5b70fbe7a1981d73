"""A run as lines: acts paired up, bars in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from qx.model.journal import Event, Outcome
from qx.render.acts import acts
from qx.render.paint import Palette
from qx.render.run import run_text
from qx.render.runs import standing
from tests.fakes.record import DONE, ORPHANED, UNDONE, write_record
from tests.fakes.rigs import MemoryRig
from tests.fakes.runs import an_entry

if TYPE_CHECKING:
    from qx.ports.store import Store


@pytest.fixture
def store() -> Store:
    made = MemoryRig().open()
    write_record(made)
    return made


def shown(store: Store, run: str, width: int | None, *, colour: bool = False) -> list[str]:
    found = store.run(run)
    return run_text(
        found, store.plan(run), store.entries(run), store.leases(), "main (x.yaml)", Palette(colour), width
    ).splitlines()


def bars(lines: list[str]) -> list[tuple[int, int]]:
    """(column of the first, number) of bar glyphs per line that has some."""
    found = [[n for n, c in enumerate(line) if c in "█▒░"] for line in lines]
    return [(places[0], len(places)) for places in found if places]


def test_a_step_done_again_is_two_acts() -> None:
    seen = acts([
        an_entry(1, event=Event.INTENDED, step="a"), an_entry(2, event=Event.ENDED, step="a", outcome=Outcome.FAILED),
        an_entry(3, event=Event.INTENDED, step="a"), an_entry(4, event=Event.INTENDED, step="b"),
        an_entry(5, event=Event.ENDED, step="a", outcome=Outcome.DONE),
    ])
    assert [(act.seq, act.step, act.outcome, act.took_s) for act in seen] == [
        (1, "a", Outcome.FAILED, 1.0), (3, "a", Outcome.DONE, 2.0), (4, "b", None, None),
    ]


def test_an_end_without_any_beginning_is_settled_in_no_time() -> None:
    (seen,) = acts([an_entry(1, event=Event.ENDED, step="a", outcome=Outcome.DONE)])
    assert (seen.verb, seen.took_s) == ("settle", 0.0)


@pytest.mark.parametrize("width", [60, 80, 100, 140, None])
@pytest.mark.parametrize("run", [DONE, UNDONE, ORPHANED])
def test_bars_follow_each_other_and_stay_within_their_column(store: Store, run: str, width: int | None) -> None:
    found = bars(shown(store, run, width))
    assert found
    starts = [start for start, _ in found]
    assert starts == sorted(starts)
    ends = {start + length for start, length in found}
    assert max(ends) - min(starts) <= 40


def test_the_longest_act_has_the_longest_bar(store: Store) -> None:
    lines = shown(store, UNDONE, 100)
    longest = max((line for line in lines if bars([line])), key=lambda line: bars([line])[0][1])
    assert "trading.drain" in longest
    assert "unknown" in longest


def test_without_a_terminal_nothing_is_folded(store: Store) -> None:
    assert any("QX-RUN-006: the target did not replay 0/3000148 in time" in line for line in shown(store, UNDONE, None))


def test_colour_adds_no_words(store: Store) -> None:
    import re

    coloured = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in shown(store, UNDONE, 80, colour=True)]
    assert coloured == shown(store, UNDONE, 80)


def test_text_of_a_server_cannot_move_the_cursor(store: Store) -> None:
    error = {"code": "QX-NODE-007", "message": "\x1b[2J", "hint": "\x07"}
    store.append(an_entry(6, ORPHANED, Event.ENDED, step="trading.promote", outcome=Outcome.FAILED,
                          proof={"log": "\x1b]0;x\x07"}, error=error))
    assert not any(c in line for line in shown(store, ORPHANED, 80) for c in "\x1b\x07")


def test_an_open_run_is_running_while_somebody_holds_it(store: Store) -> None:
    run = store.run(ORPHANED)
    assert standing(run, store.leases()) == "orphaned"
    store.acquire(("trading",), "another", 60.0)
    assert standing(run, store.leases()) == "orphaned"
    store.acquire(("book",), ORPHANED, 60.0)
    assert standing(run, store.leases()) == "running"
    assert standing(store.run(DONE), store.leases()) == "done"
