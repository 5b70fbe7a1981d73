"""kill -9 of qx at any entry of its journal, then `qx runs resume`: a named state, one writer, nothing lost.

A cut point is (N, when): killed before or after entry N is durable. What the resumed run must come to follows from the
last durable entry alone: forward until clients are kept from writing, back until the point of no return, then forward.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from qx.lab import faults
from tests.fault.cases import sampled
from tests.fixtures_lab import HOME, SESSIONS, TRADING, Site, Way, ended

if TYPE_CHECKING:
    from qx.lab.ledger import Ledger

pytestmark = [pytest.mark.fault, pytest.mark.integration]

ACCEPTED = ("--accept-loss", "unknown", "--reason", "a test", "--yes")


class Span(NamedTuple):
    """The entries of a journal between which a stage is undone: the outage's beginning, the point of no return."""

    cluster: str
    outage: int
    turn: int


class Scene(NamedTuple):
    """A run to be killed. `entries`: how many its journal has when nothing happens to it."""

    clusters: tuple[str, ...]
    entries: int
    undone: tuple[Span, ...] = ()
    stricken: bool = False

    def outcome(self, last: int) -> str:
        """What the run must come to when it was killed after its entry `last`."""
        back = {span.cluster for span in self.undone if span.outage <= last < span.turn}
        if not back:
            return "done"
        moved = [span for span in self.undone if span.cluster not in back and last >= span.turn]
        return "partial" if moved else "undone"

    def moved(self, last: int) -> set[str]:
        """The clusters whose writer is another one in the end."""
        outcome = self.outcome(last)
        if outcome == "done":
            return set(self.clusters)
        return set() if outcome == "undone" else {span.cluster for span in self.undone if last >= span.turn}


SCENES = {
    "trading": Scene((TRADING,), 29, (Span(TRADING, 11, 17),)),
    "failback": Scene((TRADING,), 29, (Span(TRADING, 11, 17),)),
    "sessions": Scene((SESSIONS,), 25, (Span(SESSIONS, 11, 13),)),
    "both": Scene((TRADING, SESSIONS), 51, (Span(TRADING, 15, 21), Span(SESSIONS, 37, 39))),
    "unplanned-trading": Scene((TRADING,), 23, stricken=True),
    "unplanned-sessions": Scene((SESSIONS,), 21, stricken=True),
    "rejoin": Scene((TRADING,), 15, stricken=True),
}


def _after(name: str, entries: range | None = None) -> list[tuple[str, int, str]]:
    """Each of these entries, of every one there is, durable as the last one: what is done is written together with what
    is announced next.
    """
    return [(name, number, "after") for number in entries or range(3, SCENES[name].entries + 1, 2)]


def _before(name: str) -> list[tuple[str, int, str]]:
    """Nothing durable yet; and every act done whose outcome was not written down."""
    return [(name, number, "before") for number in (1, *range(4, SCENES[name].entries, 2))]


CUTS = [
    *sampled(_after("trading") + _before("trading"), 2),
    *sampled(_after("sessions") + _before("sessions"), 1),
    *sampled(_after("both", range(15, 23, 2)), 1),  # where the two meet: elsewhere it is one after the other
    *sampled(_after("both", range(35, 41, 2)), 1),
    *sampled(_after("failback", range(11, 22, 2)), 1),
    *sampled(_after("unplanned-trading"), 1),
    *sampled(_after("unplanned-sessions"), 0),
    *sampled(_after("rejoin") + _before("rejoin"), 1),
]


@pytest.mark.parametrize(("scene", "number", "when"), CUTS)
def test_killed_and_resumed(site: Site, scene: str, number: int, when: str) -> None:
    played, way, words = SCENES[scene], *_stage(site, scene)
    last = number if when == "after" else number - 1
    with site.clients(*played.clusters) as ledger:
        if played.stricken:
            way, words = _strike(site, scene, ledger)
        said = ended(site.start(*words, fault=f"die:{number}:{when}"))
        assert said.exit == -signal.SIGKILL, f"it was not killed: {said}"
        run = site.runs()[0]
        assert len(site.entries(run.id)) == last
        resumed = site.qx("runs", "resume", run.id)
        if last == played.entries:
            assert resumed.document["error"]["code"] == "QX-RUN-009", resumed
        else:
            expected = played.outcome(last)
            assert (resumed.document.get("outcome"), resumed.exit) == (expected, _EXIT[expected]), resumed
        assert site.runs()[0].outcome == played.outcome(last)
        for cluster in played.clusters:
            there = scene == "rejoin" or cluster in played.moved(last)
            site.serves(ledger, cluster, way.target if there else way.source, lossless=not played.stricken)
    assert site.ok("audit", "verify")["breaks"] == []


_EXIT = {"done": 0, "undone": 1, "partial": 3}


@pytest.mark.slow
@pytest.mark.parametrize("scene", SCENES)
def test_the_cut_points_are_all_there_are(site: Site, scene: str) -> None:
    played, way, words = SCENES[scene], *_stage(site, scene)
    with site.clients(*played.clusters) as ledger:
        if played.stricken:
            way, words = _strike(site, scene, ledger)
        run = site.ok(*words)["run"]
        assert len(site.entries(run)) == played.entries
        site.serves(ledger, played.clusters[0], way.target, lossless=not played.stricken)


def _stage(site: Site, scene: str) -> tuple[Way, tuple[str, ...]]:
    """The move and the command of a planned scene; the lab made ready for it."""
    played = SCENES[scene]
    way = site.way(played.clusters[0] if len(played.clusters) == 1 else "")
    only = () if len(played.clusters) > 1 else ("--cluster", played.clusters[0])
    if scene != "failback":
        return way, ("failover", "--to", way.target, *only, "--yes")
    if way.source == HOME:
        site.ok("failover", "--to", way.target, *only, "--yes")
        way = site.way(played.clusters[0])
    home = Way(way.source, HOME, next(r for r in way if r not in (way.source, HOME)))
    return home, ("failback", *only, "--yes")


def _strike(site: Site, scene: str, ledger: Ledger) -> tuple[Way, tuple[str, ...]]:
    """The writer dies. For a rejoin, it held writes that nobody else has, and another one was made the writer since."""
    cluster = SCENES[scene].clusters[0]
    way = site.way(cluster)
    words = ("failover", "--to", way.target, "--cluster", cluster, *ACCEPTED)
    if scene != "rejoin":
        site.fault(faults.kill, f"{cluster}/{way.source}")
        return way, words
    for other in (way.sibling, way.target):  # in this order the target knows most
        site.fault(faults.link, way.source, other, mode="drop")
    ledger.wait_for_writes(f"{cluster}/route", time.monotonic(), 20, 20)
    site.fault(faults.kill, f"{cluster}/{way.source}")
    site.ok(*words)
    site.fault(faults.heal)
    return way, ("rejoin", "--cluster", cluster, "--yes")
