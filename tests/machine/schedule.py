"""Schedules: from a seed, a platform and what goes wrong in it, when; printed as people read it. Pure.

An event is a line: `12.40 hang trading/eu-west 3.20`. Everything that it breaks it also mends, after its last number of
seconds, but for what is not mended in life either: a killed server stays down unless its supervisor starts it.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Literal, NamedTuple

from qx.model.standing import Grant, Release, Renewal
from tests.fakes.process import HOME, How
from tests.fakes.world import ALL_REGIONS, KV, PG

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH_S = 14.0  # events happen in this time
APART = 0.15  # the share of platforms with a controller in each region
Mode = Literal["observe", "confirm", "auto"]


class Event(NamedTuple):
    """`args` as the verb's method of `Troubles` takes them."""

    at: float
    verb: str
    args: tuple[str | float, ...] = ()

    def __str__(self) -> str:
        words = " ".join(f"{arg:.2f}" if isinstance(arg, float) else str(arg) for arg in self.args)
        return f"{self.at:6.2f} {self.verb} {words}".rstrip()


class Schedule(NamedTuple):
    """`length`: seconds until all that mends is mended."""

    seed: int
    regions: tuple[str, ...]
    modes: dict[str, Mode]
    armed: frozenset[str]
    profile: Literal["fast", "default"]
    grace: float
    tight: bool  # a small RPO
    recorded: bool  # the store knows who writes; else nobody was ever moved
    moves_per_day: int
    events: tuple[Event, ...]
    apart: bool = False  # a controller in each region, and the store in an etcd of three members
    guarded: bool = False  # servers run under guards
    length: float = LENGTH_S

    def __str__(self) -> str:
        clusters = ", ".join(
            f"{name} {mode}{' armed' if name in self.armed else ''}" for name, mode in self.modes.items()
        )
        about = f"profile {self.profile}, restart_grace {self.grace} s, {self.moves_per_day} moves a day"
        known = "a tight RPO, " if self.tight else ""
        known += "writers on record" if self.recorded else "no record of the writers"
        known += ", a controller in each" if self.apart else ""
        known += ", under guards" if self.guarded else ""
        lines = [f"seed {self.seed}: {len(self.regions)} regions; {clusters}; {about}; {known}", *map(str, self.events)]
        return "\n  ".join(lines)


def schedule(seed: int) -> Schedule:
    dice = random.Random(f"schedule/{seed}")
    apart = dice.random() < APART
    guarded = dice.random() < (0.85 if apart else 0.3)
    regions = ALL_REGIONS[: dice.choice((3, 3, 3, 6) if apart else (2, 3, 3, 3, 4, 6))]
    names = dice.choice(((PG,), (PG,), (KV,), (PG, KV)))
    often: tuple[Mode, ...] = ("auto", "auto", "auto", "auto", "confirm", "observe")
    modes = {name: dice.choice(often) for name in names}
    armed = frozenset(name for name, mode in modes.items() if dice.random() < (0.9 if mode == "auto" else 0.2))
    recorded = dice.random() < 0.7
    made = _Dice(dice, regions, names, apart=apart, guarded=guarded)
    events = [event for _ in range(dice.choice((1, 2, 3, 4, 6))) for event in made.trouble()]
    if recorded and dice.random() < 0.05:
        events.append(Event(0.0, "rival"))
    return Schedule(
        seed=seed, regions=regions, modes=modes, armed=armed, profile=dice.choice(("fast", "fast", "fast", "default")),
        tight=dice.random() < 0.15,
        grace=round(dice.uniform(2.0, 5.0), 1), recorded=recorded, moves_per_day=dice.choice((1, 1, 1, 2)),
        events=tuple(sorted(events)), apart=apart, guarded=guarded,
    )  # fmt: skip


class _Dice:
    """Throws one trouble after the other; most hit the region that writes at first."""

    def __init__(
        self, dice: random.Random, regions: tuple[str, ...], names: tuple[str, ...], *, apart: bool, guarded: bool
    ) -> None:
        self._dice, self._regions, self._names, self._apart = dice, regions, names, apart
        self._places = regions if apart else (HOME, *regions)
        self._makers: dict[Callable[[float], list[Event]], int] = {
            self._crash: 10, self._stop: 4, self._hang: 4, self._machine: 2, self._power: 2, self._cut: 4,
            self._slow_link: 2, self._slow_disk: 2, self._control: 3, self._controller: 4, self._at_entry: 6,
            self._clock: 2, self._zombie: 2, self._reply: 5, self._replica: 2, self._maintain: 1, self._operator: 4,
            self._foreign: 1, self._again: 4, self._arm: 1, self._restart_unseen: 2,
        }  # fmt: skip
        if guarded:
            self._makers |= {self._guard: 4, self._at_record: 5, self._machine: 5, self._power: 5}
        if apart:
            self._makers |= {self._member: 3, self._elect: 2}
        if guarded or apart:
            self._makers |= {self._isolated: 6}

    def trouble(self) -> list[Event]:
        make = self._dice.choices(list(self._makers), list(self._makers.values()))[0]
        return make(self._number(0.5, LENGTH_S - 1.0))

    def _number(self, low: float, high: float) -> float:
        return round(self._dice.uniform(low, high), 2)

    def _cluster(self) -> str:
        return self._dice.choice(self._names)

    def _region(self) -> str:
        return self._regions[0] if self._dice.random() < 0.6 else self._dice.choice(self._regions)

    def _node(self) -> str:
        return f"{self._cluster()}/{self._region()}"

    def _place(self) -> str:
        return HOME if not self._apart and self._dice.random() < 0.4 else self._region()

    def _link(self) -> tuple[str, str]:
        one = self._place()
        return one, self._dice.choice([each for each in self._places if each != one])

    def _crash(self, at: float) -> list[Event]:
        """-1: nobody starts it again."""
        back = -1.0 if self._dice.random() < 0.6 else self._number(0.02, 3.0)
        return [Event(at, "crash", (self._node(), back))]

    def _stop(self, at: float) -> list[Event]:
        return [Event(at, "stop", (self._node(), self._number(0.3, 8.0)))]

    def _hang(self, at: float) -> list[Event]:
        return [Event(at, "hang", (self._node(), self._number(0.2, 6.0)))]

    def _machine(self, at: float) -> list[Event]:
        return [Event(at, "machine", (self._region(), self._number(0.2, 8.0)))]

    def _power(self, at: float) -> list[Event]:
        return [Event(at, "power", (self._region(), self._number(1.0, 8.0)))]

    def _cut(self, at: float) -> list[Event]:
        one, other = self._link()
        for_s = self._number(0.2, 8.0)
        cut = Event(at, "cut", (one, other, for_s))
        if self._dice.random() < 0.3:
            return [cut]
        if self._dice.random() < 0.5:
            return [cut, Event(at, "cut", (other, one, for_s))]
        places = [each for each in self._places if each != one]
        kept = self._dice.choice(places) if self._dice.random() < 0.5 else one
        return [
            Event(at, "cut", (*pair, for_s)) for each in places if each != kept for pair in ((one, each), (each, one))
        ]

    def _slow_link(self, at: float) -> list[Event]:
        one, other = self._link()
        if self._dice.random() < 0.5:
            return [Event(at, "delay", (one, other, self._number(0.05, 0.6), self._number(1.0, 8.0)))]
        return [Event(at, "loss", (one, other, self._number(0.05, 0.5), self._number(1.0, 8.0)))]

    def _slow_disk(self, at: float) -> list[Event]:
        return [Event(at, "slow-disk", (self._node(), self._number(2.0, 30.0), self._number(2.0, 10.0)))]

    def _control(self, at: float) -> list[Event]:
        if self._dice.random() < 0.5:
            return [Event(at, "control-away", (self._node(), self._number(0.5, 8.0)))]
        return [Event(at, "control-slow", (self._node(), self._number(0.1, 1.9), self._number(0.5, 8.0)))]

    def _controller(self, at: float) -> list[Event]:
        verb, low = self._dice.choice((("kill-controller", 0.1), ("stop-controller", 0.1), ("freeze-controller", 0.3)))
        return [Event(at, verb, (self._daemon(), self._number(low, 8.0)))]

    def _daemon(self) -> str:
        return self._region() if self._apart else HOME

    def _at_entry(self, at: float) -> list[Event]:
        """Of the next run; and there has to be one."""
        verb = self._dice.choice(("kill-at-entry", "freeze-at-entry"))
        moment = self._dice.choice(("before", "after"))
        entry = float(self._dice.randint(1, 16))
        return [
            Event(0.0, verb, (moment, entry, self._number(0.3, 9.0))),
            Event(at, "crash", (f"{self._cluster()}/{self._regions[0]}", -1.0)),
        ]

    def _clock(self, at: float) -> list[Event]:
        return [Event(at, "clock", (self._daemon(), self._dice.choice((-1.0, 1.0)) * self._number(0.5, 3600.0)))]

    def _zombie(self, at: float) -> list[Event]:
        """The writer dies, and somebody starts it as one again, past its control."""
        node = f"{self._cluster()}/{self._regions[0]}"
        return [Event(at, "crash", (node, -1.0)), Event(at + self._number(0.05, 6.0), "zombie", (node,))]

    def _reply(self, at: float) -> list[Event]:
        verbs = ("promote", "promote", "replicate", "stop", "hold", "pin", "open", "close", "write_marker", "inspect")
        hows = (
            How.LATE, How.TWICE, How.LOST_ANSWER, How.LOST_REQUEST, How.HANGS, How.HANGS_DONE, How.REFUSED,
            How.CRASH_AFTER, How.CRASH, How.FREEZE, How.RESTART,
        )  # fmt: skip
        wrong = Event(0.0, "answer", (self._dice.choice(verbs), self._dice.choice(hows).value))
        return [wrong, Event(at, "crash", (f"{self._cluster()}/{self._regions[0]}", -1.0))]

    def _replica(self, at: float) -> list[Event]:
        region = self._dice.choice(self._regions[1:])
        verb = self._dice.choice(("lag", "pause"))
        return [Event(at, verb, (f"{self._cluster()}/{region}", self._number(0.5, 4.0), self._number(1.0, 8.0)))]

    def _maintain(self, at: float) -> list[Event]:
        scope = self._dice.choice(("*", *self._names, *self._regions))
        return [Event(at, "maintenance", (scope, self._number(1.0, 8.0)))]

    def _operator(self, at: float) -> list[Event]:
        """Sometimes killed at that entry of its run (0: not), and resumed later."""
        entry = float(self._dice.choice((0, 0, self._dice.randint(2, 20))))
        to = self._dice.choice(self._regions)
        return [Event(at, "operator", (self._cluster(), to, entry))]

    def _foreign(self, at: float) -> list[Event]:
        """Another store rules it; the daemon's own was left over."""
        return [Event(0.0, "foreign", (self._cluster(),)), *self._crash(at)]

    def _again(self, at: float) -> list[Event]:
        """The writer dies; a person has seen the move; and the next writer dies."""
        name, later = self._cluster(), self._number(1.0, 7.0)
        events = [Event(at / 2, "crash-writer", (name,)), Event(at / 2 + later + 1.0, "crash-writer", (name,))]
        return [*events, Event(at / 2 + later, "acknowledge", (name,))] if self._dice.random() < 0.7 else events

    def _restart_unseen(self, at: float) -> list[Event]:
        """The control beside the writer answers too late while that is restarted."""
        node = f"{self._cluster()}/{self._regions[0]}"
        slow = Event(at - 0.4, "control-slow", (node, self._number(0.9, 1.9), self._number(1.0, 4.0)))
        return [slow, Event(at, "stop", (node, self._number(1.0, 4.0)))]

    def _at_record(self, at: float) -> list[Event]:
        """The next controller dies that writes such a record; and there is a reason to."""
        kind = self._dice.choice((Grant.KIND, Grant.KIND, Renewal.KIND, Release.KIND, Release.KIND))
        first = kind == Grant.KIND
        begun = Event(0.0 if first else at / 2, "kill-at-record", (kind, self._number(4.0 if first else 0.3, 9.0)))
        return [begun, *self._crash(at)]

    def _guard(self, at: float) -> list[Event]:
        node = self._node()
        if self._dice.random() < 0.5:
            return [Event(at, "guard-dies", (node,))]
        return [Event(at, "guard-freezes", (node, self._number(0.5, 9.0)))]

    def _isolated(self, at: float) -> list[Event]:
        """A whole region is cut off; its clients still reach it."""
        region, for_s = self._region(), self._number(2.0, 12.0)
        others = [each for each in self._places if each != region]
        return [Event(at, "cut", (*pair, for_s)) for each in others for pair in ((region, each), (each, region))]

    def _member(self, at: float) -> list[Event]:
        return [Event(at, "member", (self._dice.choice(self._regions[:3]), self._number(1.0, 9.0)))]

    def _elect(self, at: float) -> list[Event]:
        return [Event(at, "elect")]

    def _arm(self, at: float) -> list[Event]:
        return [Event(at, self._dice.choice(("arm", "disarm")), (self._cluster(),))]
