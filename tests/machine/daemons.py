"""Daemons: the `qx daemon` of a platform, or one in each of its regions, as they are killed, stopped, frozen, and have
their clocks set. What a method breaks it mends by itself after its last number of seconds.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tests.fakes.controller import Controller
from tests.fakes.process import HOME, How
from tests.fakes.store import MemoryStore
from tests.machine.operators import LEASE_S

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fakes.process import Call, Process
    from tests.fakes.store import Shelf
    from tests.fakes.world import SimWorld
    from tests.machine.oracle import Oracle

AGAIN_S = 0.5  # between two looks of the supervisor whether the daemon has ended


class Daemons:
    """`at`: each where it stands: one at HOME, or `apart`: one in each region. `resume`: people resume every run."""

    def __init__(self, world: SimWorld, oracle: Oracle, resume: Callable[[], None], *, apart: bool) -> None:
        self.world, self.oracle = world, oracle
        places = tuple(world.platform.regions) if apart else (HOME,)
        self.at = {
            place: Controller(world, partial(self._prepare, place), place if apart else None) for place in places
        }
        self._resume = resume
        self.rival: Controller | None = None
        self._ahead = dict.fromkeys(places, 0.0)  # of their clocks
        self._at_entry: list[tuple[str, int, Callable[[str], None]]] = []
        self._at_record: list[tuple[str, float]] = []
        self._answers: list[tuple[str, How]] = []

    def start(self) -> None:
        for controller in self.at.values():
            controller.start()

    def end(self) -> None:
        for controller in self._all:
            controller.kill()

    def check(self) -> None:
        for controller in self._all:
            controller.check()

    @property
    def _all(self) -> tuple[Controller, ...]:
        return (*self.at.values(), *([self.rival] if self.rival else []))

    def invite(self, shelf: Shelf) -> None:
        """Another daemon, of another store, that takes these clusters for its own."""
        self.rival = Controller(self.world, self.oracle.forbids, store=lambda: MemoryStore(shelf))
        self.rival.start()

    def awake(self) -> None:
        """All of them run."""
        for place in self.at:
            self.rouse(place)

    def rouse(self, place: str) -> None:
        controller = self.at[place]
        if not controller.runs:
            controller.start()
        elif controller.frozen:
            controller.thaw()

    def heal(self) -> None:
        self._answers.clear()
        self._at_entry.clear()
        self._at_record.clear()
        self.awake()

    @property
    def told(self) -> list[tuple[float, str, str, dict[str, Any]]]:
        """What they said, in order: (virtual seconds, place, event, fields)."""
        said = [(at, place, event, told) for place, each in self.at.items() for at, event, told in each.log.lines]
        return sorted(said, key=lambda line: line[0])

    # -- their processes

    def _prepare(self, place: str, process: Process) -> None:
        process.clock_ahead = self._ahead[place]
        process.trap = partial(self._trap, place)
        process.before_append = partial(self._writes, place)
        process.after_put = lambda kind: self._put(kind, place)
        process.after_append = lambda seq: self._wrote(seq, place)
        self.oracle.judges(process, place)

    def _writes(self, place: str, seq: int) -> None:
        if seq == 1:
            self.oracle.begins(place)
        self._entry("before", seq, place)

    def _wrote(self, seq: int, place: str) -> None:
        chain = reversed(self.world.shelf.chain)  # at its end is what was appended together
        self.oracle.wrote(next(link.entry for link in chain if link.entry.seq == seq), place)
        self._entry("after", seq, place)

    def _entry(self, moment: str, seq: int, place: str) -> None:
        for armed in tuple(self._at_entry):
            if armed[:2] == (moment, seq):
                self._at_entry.remove(armed)
                armed[2](place)

    def _trap(self, place: str, call: Call) -> How | None:
        acts = call.step or (place != HOME and call.part == "control" and call.verb != "extend")
        for each in self._answers if acts else ():
            if call.verb.startswith(each[0]):
                self._answers.remove(each)
                return each[1]
        return None

    # -- what happens to them

    def kill(self, place: str, seconds: float) -> None:
        self.at[place].kill()
        self.after(seconds, partial(self.rouse, place))

    def stop(self, place: str, seconds: float) -> None:
        self.at[place].stop()
        self.after(seconds, partial(self._restart, place))

    def _restart(self, place: str) -> None:
        """As systemd does: when the one before has ended."""
        controller = self.at[place]
        controller.check()
        if controller.runs:
            self.after(AGAIN_S, partial(self._restart, place))
        else:
            controller.start()

    def freeze(self, place: str, seconds: float) -> None:
        controller = self.at[place]
        process = controller.process
        if process is None or controller.frozen:
            return
        controller.freeze()
        since = self.world.simulation.now

        def wake() -> None:
            if controller.process is process and controller.frozen:
                self.oracle.stood_still(place, self.world.simulation.now - since)
                controller.thaw()

        self.after(seconds, wake)
        if seconds > LEASE_S and place == HOME:
            self.after(LEASE_S, self._resume)

    def kill_at_entry(self, moment: str, entry: int, seconds: float) -> None:
        self._at_entry.append((moment, entry, partial(self.kill, seconds=seconds)))

    def kill_at_record(self, kind: str, seconds: float) -> None:
        """Whoever is the next to write one, when it is written."""
        self._at_record.append((kind, seconds))

    def _put(self, kind: str, place: str) -> None:
        for armed in tuple(self._at_record):
            if armed[0] == kind:
                self._at_record.remove(armed)
                self.kill(place, armed[1])

    def freeze_at_entry(self, moment: str, entry: int, seconds: float) -> None:
        self._at_entry.append((moment, entry, partial(self.freeze, seconds=seconds)))

    def set_clock(self, place: str, by: float) -> None:
        self._ahead[place] += by
        process = self.at[place].process
        if process is not None:
            process.clock_ahead = self._ahead[place]
            self.oracle.clock_was_set(place, by)

    def answer(self, verb: str, how: How) -> None:
        """So goes wrong what is next asked of a server or its control, in the course of a run."""
        self._answers.append((verb, how))

    def after(self, seconds: float, what: Callable[[], object]) -> None:
        def due() -> None:
            what()

        self.world.simulation.after(seconds, due)
