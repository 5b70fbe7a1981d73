"""What operators do: two at once, Ctrl-C once and twice, and from a machine that reaches nothing."""

from __future__ import annotations

import signal
from functools import partial
from typing import TYPE_CHECKING

import pytest

from qx.lab import faults
from tests.fixtures_lab import SESSIONS, TRADING, Said, Site, ended, stands_still, wait

if TYPE_CHECKING:
    import subprocess

pytestmark = [pytest.mark.fault, pytest.mark.integration]

PROBE_S, START_S = 2.0, 3.0  # the deadline of a look, and what a process may take to start on a busy machine
FENCED, PROMOTING = 15, 17  # entries of a planned failover of trading: what is announced then


def test_two_operators_at_once(site: Site) -> None:
    """One moves the cluster; the other is told who holds it, or that nothing is left to do."""
    way = site.way(TRADING)
    with site.clients(TRADING) as ledger:
        words = ("failover", "--to", way.target, "--cluster", TRADING, "--yes")
        one, other = (ended(process) for process in [site.start(*words), site.start(*words)])
        moved = [said for said in (one, other) if said.document.get("outcome") == "done"]
        assert len(moved) == 1, (one, other)
        loser = other if moved == [one] else one
        assert loser.exit == 9 or loser.document.get("steps") == [], loser
        site.serves(ledger, TRADING, way.target)


@pytest.mark.parametrize("number", [5, FENCED])
def test_the_second_operator_is_told_who_holds_the_cluster(site: Site, number: int) -> None:
    """Also while the writer is stopped: that is the first one's doing, and no reason to fail over."""
    way = site.way(TRADING)
    with site.clients(TRADING) as ledger:
        first = site.start("failover", "--to", way.target, "--cluster", TRADING, "--yes", fault=f"pause:{number}:after")
        wait(lambda: stands_still(first), "the first to stand still")
        second = site.qx("failover", "--to", way.sibling, "--cluster", TRADING, "--yes")
        first.send_signal(signal.SIGCONT)
        assert second.exit == 9, second
        assert site.runs()[0].id in str(second.document), second
        assert ended(first).document["outcome"] == "done"
        site.serves(ledger, TRADING, way.target)


@pytest.mark.parametrize(
    ("number", "outcome", "code"),
    [
        pytest.param(5, "undone", 130, marks=pytest.mark.slow),
        pytest.param(FENCED, "undone", 130),
        pytest.param(PROMOTING, "done", 0),
    ],
)
def test_an_interrupted_move_is_undone_or_finished(site: Site, number: int, outcome: str, code: int) -> None:
    way = site.way(TRADING)
    with site.clients(TRADING) as ledger:
        said = _interrupted(site, way.target, number)
        assert (said.document["outcome"], said.exit) == (outcome, code), said
        site.serves(ledger, TRADING, way.target if outcome == "done" else way.source)


def test_interrupted_twice_it_leaves_the_run_to_resume(site: Site) -> None:
    way = site.way(TRADING)
    with site.clients(TRADING) as ledger:
        said = _interrupted(site, way.target, FENCED, FENCED + 2)
        assert said.exit == 130, said
        assert said.document["error"]["code"] == "QX-CLI-130", said
        run = site.runs()[0]
        assert run.outcome == "open"
        [orphan] = site.ok("status")["open_runs"]
        assert (orphan["run"], orphan["orphaned"]) == (run.id, True)
        assert orphan["stopped_s"][TRADING] > 0
        assert site.qx("runs", "resume").document["outcome"] == "undone"
        site.serves(ledger, TRADING, way.source)


def _interrupted(site: Site, target: str, *numbers: int) -> Said:
    """SIGINT after each of these entries."""
    pause = f"pause:{','.join(map(str, numbers))}:after"
    process = site.start("failover", "--to", target, "--cluster", TRADING, "--yes", fault=pause)
    for number in numbers:
        wait(partial(_pauses_at, site, process, number), f"its pause at entry {number}")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
    return ended(process)


def _pauses_at(site: Site, process: subprocess.Popen[str], number: int) -> bool:
    return stands_still(process) and len(site.entries(site.runs()[0].id)) == number


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        pytest.param(("lag",), marks=pytest.mark.slow),
        ("failover", "--to", "ap-southeast", "--yes"),
        ("failback", "--yes"),
        pytest.param(("rejoin", "--yes"), marks=pytest.mark.slow),
    ],
)
def test_cut_off_from_everything(site: Site, words: tuple[str, ...]) -> None:
    """Nothing is concluded from silence, and nobody is kept waiting."""
    runs = site.runs()
    site.fault(faults.isolate, "ops")
    said = site.qx(*words)
    print(f"qx {' '.join(words)}, cut off: {said.took:.2f} s")
    assert said.exit == 1, said
    assert "nothing answered" in said.stderr + str(said.document), said
    assert said.took < PROBE_S + START_S, said
    assert site.runs() == runs


def test_one_region_is_a_black_hole(site: Site) -> None:
    sibling = site.way(TRADING).sibling
    site.fault(faults.isolate, sibling)
    said = site.qx("status")
    print(f"qx status with {sibling} black-holed: {said.took:.2f} s")
    assert said.exit == 0, said
    assert said.took < PROBE_S + START_S
    nodes = [said.document["clusters"][cluster]["nodes"][sibling] for cluster in (TRADING, SESSIONS)]
    assert [node["role"] for node in nodes] == ["silent", "silent"]
