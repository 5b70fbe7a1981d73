"""Turns alternate, stop where they were asked to, and are not played again."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.failover.results import Result, append, done, read
from bench.failover.schedule import SYSTEMS, Entry, Turn, turns

SOME = {"one": Entry(2, ("planned", "process")), "two": Entry(1, ("process",))}


def test_systems_take_turns() -> None:
    assert list(turns(None, (), set(), SOME)) == [
        Turn("one", 1, ("planned", "process")),
        Turn("two", 1, ("process",)),
        Turn("one", 2, ("planned", "process")),
    ]


def test_fewer_runs_may_be_asked_for_but_not_more() -> None:
    assert [turn.run for turn in turns(1, (), set(), SOME)] == [1, 1]
    assert [turn.run for turn in turns(9, (), set(), SOME)] == [1, 1, 2]


def test_what_is_done_is_not_done_again() -> None:
    left = list(turns(None, (), {("one", "planned", 1), ("two", "process", 1)}, SOME))
    assert left == [Turn("one", 1, ("process",)), Turn("one", 2, ("planned", "process"))]


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("two", [Turn("two", 1, ("process",))]),
        ("one/planned", [Turn("one", 1, ("planned",)), Turn("one", 2, ("planned",))]),
        ("*/planned", [Turn("one", 1, ("planned",)), Turn("one", 2, ("planned",))]),
    ],
)
def test_only_narrows(only: str, expected: list[Turn]) -> None:
    assert list(turns(None, (only,), set(), SOME)) == expected


@pytest.mark.parametrize("only", ["three", "two/planned", "one/typo"])
def test_what_only_names_must_exist(only: str) -> None:
    with pytest.raises(ValueError, match="names none"):
        list(turns(None, (only,), set(), SOME))


def test_the_issue_s_numbers_of_runs() -> None:
    assert {name: entry.runs for name, entry in SYSTEMS.items() if name in ("qx", "patroni-tuned")} == {
        "qx": 10, "patroni-tuned": 10,
    }  # fmt: skip
    assert {SYSTEMS[name].runs for name in ("patroni", "repmgr")} == {3}


def test_results_are_read_as_they_were_appended(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.jsonl"
    first, second = (Result(system="qx", fault="node", run=run, outage_s={"route": None}) for run in (1, 2))
    append(path, first)
    append(path, second)
    assert read(path) == [first, second]


def test_a_line_that_was_cut_off_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    append(path, Result(system="qx", fault="node", run=1))
    path.write_bytes(path.read_bytes() + b'{"system":"qx","fau')
    assert done(read(path)) == {("qx", "node", 1)}
    append(path, Result(system="qx", fault="node", run=2))
    assert done(read(path)) == {("qx", "node", 1), ("qx", "node", 2)}


def test_what_failed_is_measured_again(tmp_path: Path) -> None:
    assert done([Result(system="qx", fault="node", run=1, error="it did not start")]) == set()
    assert read(tmp_path / "none.jsonl") == []
