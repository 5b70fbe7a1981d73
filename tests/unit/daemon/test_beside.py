"""The controller beside a server: in which order store and guard are told, and what it never does."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from msgspec.structs import replace

from qx.config.profiles import watch_of
from qx.daemon.beside import Beside
from qx.daemon.log import Log
from qx.engine.records import read, read_all, write
from qx.failover.fences import fences_of
from qx.failover.judge import judge
from qx.kernel.errors import QxError, Refused
from qx.model.control import PgControl, Term
from qx.model.journal import RunOutcome
from qx.model.platform import Platform
from qx.model.standing import Arming, Grant, Release, Renewal
from qx.model.topology import Topology
from qx.model.watching import Watching
from tests.fakes.rigs import MemoryRig
from tests.fakes.runs import a_plan, a_run
from tests.unit.failover import values as v
from tests.unit.failover.values import EU, US

WATCH = watch_of(Watching(profile="fast"))
RUNS = PgControl(
    running=True, pid=7, pids=(7,), state="in production", system_id="7", timeline=1, checkpoint=1, redo=1,
    min_recovery_end=0, standby_signal=False, held_epoch=0, held_for="", free_bytes=1, guard="g1",
)  # fmt: skip
EXPIRED = replace(RUNS, running=False, pid=None, pids=(), guard="", exited="expired")
CRASHED = replace(EXPIRED, exited="crash")


class Clock:
    def __init__(self, rig: MemoryRig) -> None:
        self._rig = rig

    def now(self) -> float:
        return self._rig.clocks.wall

    def elapsed(self) -> float:
        return self._rig.clocks.since_boot

    def noise(self) -> bytes:
        return bytes(10)


class Control:
    """A node whose server is as `found`; what was asked of it, and what the store said at that moment, in order."""

    def __init__(self, store: Any, found: PgControl) -> None:
        self.found, self.store = found, store
        self.asked: list[str] = []
        self.terms: list[Term | None] = []
        self.proofs: list[bool] = []

    async def inspect(self, _timeout: float) -> PgControl:
        return self.found

    async def extend(self, _epoch: int, term: Term | None, _timeout: float) -> str:
        self._heard("extend")
        self.terms.append(term)
        return self.found.guard

    async def start(self, _epoch: int, role: str, _timeout: float, term: Term | None = None) -> PgControl:
        self._heard(f"start {role}")
        self.terms.append(term)
        self.found = replace(RUNS, guard="g2")
        return self.found

    async def stop(self, _epoch: int, mode: str, _timeout: float) -> PgControl:
        self._heard(f"stop {mode}")
        return self.found

    async def hold(self, _epoch: int, purpose: str, _timeout: float) -> None:
        self._heard(f"hold {purpose}")

    async def pin(self, _epoch: int, _upstream: str, _timeout: float) -> None:
        self._heard("pin")

    async def unpin(self, _epoch: int, _timeout: float) -> None:
        self._heard("unpin")

    def _heard(self, what: str) -> None:
        self.asked.append(what)
        self.proofs.append(bool(proofs(self.store)))


def proofs(store: Any) -> dict[tuple[str, str], Any]:
    """What would let others promote at this moment."""
    live = {"trading"} if store.record(Renewal.KIND, "trading") else set()
    return fences_of(store.rules(), read_all(store, Release), read_all(store, Grant), live)


async def at_once(call: Callable[..., Any], *arguments: Any) -> Any:
    return call(*arguments)


def in_mode(mode: Literal["auto", "observe"]) -> Platform:
    made = v.platform()
    return replace(made, clusters={name: replace(each, mode=mode) for name, each in made.clusters.items()})


class Scene:
    def __init__(
        self, found: PgControl, *, armed: bool = True, region: str | None = US,
        mode: Literal["auto", "observe"] = "auto",
    ) -> None:
        self.rig = MemoryRig()
        self.store = self.rig.open()
        self.moved(US, "7/1", 1.0)
        if armed:
            write(self.store, Arming(cluster="trading", by="ada", reason="test", at=1.0), "trading")
        self.control = Control(self.store, found)
        self.said = io.StringIO()
        clock: Any = Clock(self.rig)
        bench: Any = SimpleNamespace(
            store=self.store, clock=clock, platform=in_mode(mode), controls={("trading", US): self.control},
            still=lambda _kinds: self.store, apart=at_once, lawbook=SimpleNamespace(at=lambda _now: {}),
        )  # fmt: skip
        self.topology: Topology | None = None
        self.beside = Beside(bench, WATCH, region, Log(self.said, clock, as_json=True), lambda: self.topology)

    def moved(self, region: str, lineage: str, at: float) -> None:
        (lease,) = self.store.acquire(("trading",), "moved", 1.0)
        self.store.record_writer(lease, region, lineage, at)
        self.store.release((lease,))

    @property
    def epoch(self) -> int:
        return self.store.rules()["trading"].epoch


async def test_the_guard_is_bound_before_the_record_names_it() -> None:
    scene = Scene(RUNS)
    await scene.beside.round()
    assert scene.control.asked == ["hold ", "extend"]
    assert scene.control.proofs == [False, False]
    grant = read(scene.store, Grant, "trading")
    assert grant is not None
    assert (grant.region, grant.guard, grant.epoch) == (US, "g1", 2)
    assert scene.store.leases() == ()


async def test_nor_does_a_record_that_names_it_already_when_it_is_bound_within_a_run() -> None:
    """Whoever bound it before has died, and the run that made it the writer still follows up."""
    scene = Scene(RUNS)
    (lease,) = scene.store.acquire(("trading",), "failover", 60.0)
    scene.store.record_writer(lease, US, "7/1", 1.0)
    write(scene.store, Grant(cluster="trading", region=US, epoch=2, guard="g1", ttl=5.0, margin=1.5), "trading")
    assert proofs(scene.store)
    await scene.beside.round()
    assert scene.control.asked == ["extend"]
    assert scene.control.proofs == [False]
    assert proofs(scene.store) == {}
    assert read(scene.store, Grant, "trading") is not None


async def test_a_server_without_a_guard_is_not_granted_anything() -> None:
    scene = Scene(replace(RUNS, guard=""))
    await scene.beside.round()
    assert scene.control.asked == []
    assert read(scene.store, Grant, "trading") is None


async def test_where_the_guard_cannot_be_told_the_lease_runs_out_too(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(RUNS)
    await scene.beside.round()

    async def away(*_: object) -> PgControl:
        raise QxError("QX-NODE-001", "its control cannot be reached")

    for verb in ("extend", "inspect"):
        monkeypatch.setattr(scene.control, verb, away)
    for _ in range(int(2 * WATCH.ttl)):
        scene.rig.clocks.advance(WATCH.renew)
        await scene.beside.round()
    assert proofs(scene.store)[("trading", US)].how == "expired"


async def test_a_released_writer_that_somebody_started_gets_its_role_back() -> None:
    scene = Scene(CRASHED)
    await scene.beside.round()
    assert read(scene.store, Release, "trading") is not None
    scene.control.asked.clear()
    scene.control.found = replace(RUNS, standby_signal=True, held_for="standby")
    await scene.beside.round()
    assert scene.control.asked[:4] == ["stop clean", "hold ", "unpin", "start writer"]
    assert read(scene.store, Release, "trading") is None


async def test_it_does_not_start_a_writer_again_while_a_run_that_may_have_promoted_has_not_ended() -> None:
    scene = Scene(EXPIRED)
    plan = a_plan("promoting")
    scene.store.begin(a_run("stuck", plan, 1.0), plan)
    await scene.beside.round()
    assert scene.control.asked == []
    scene.store.close("stuck", RunOutcome.UNDONE, 2.0)
    await scene.beside.round()
    assert "start writer" in scene.control.asked


async def test_one_that_is_only_watched_is_left_alone_although_it_was_armed() -> None:
    for found in (RUNS, EXPIRED, CRASHED):
        scene = Scene(found, mode="observe")
        await scene.beside.round()
        assert scene.control.asked == []


async def test_an_unarmed_cluster_is_left_alone() -> None:
    for found in (RUNS, EXPIRED, CRASHED):
        scene = Scene(found, armed=False)
        await scene.beside.round()
        assert scene.control.asked == []


async def test_a_renewal_counts_from_before_the_store_was_asked() -> None:
    scene = Scene(RUNS)
    await scene.beside.round()
    for _ in range(5):
        scene.rig.clocks.advance(WATCH.renew)
        await scene.beside.round()
    assert [term.sent for term in scene.control.terms if term] == [1000.0 + n * WATCH.renew for n in range(6)]
    assert scene.epoch == 2


async def test_a_lease_that_ran_out_is_not_extended_but_granted_anew_under_a_higher_epoch() -> None:
    scene = Scene(RUNS)
    await scene.beside.round()
    scene.rig.clocks.advance(WATCH.ttl)
    assert proofs(scene.store)[("trading", US)].how == "expired"
    await scene.beside.round()
    assert scene.control.asked == ["hold ", "extend", "hold ", "extend"]
    assert scene.control.proofs == [False] * 4
    assert scene.epoch == 3
    assert proofs(scene.store) == {}


async def test_it_does_not_grant_while_a_run_holds_the_cluster() -> None:
    scene = Scene(RUNS)
    await scene.beside.round()
    scene.rig.clocks.advance(WATCH.ttl)
    scene.rig.open().acquire(("trading",), "failover", 60.0)
    for _ in range(3):
        await scene.beside.round()
    assert scene.control.asked == ["hold ", "extend"]
    assert proofs(scene.store)[("trading", US)].how == "expired"


async def test_a_writer_that_its_guard_ended_is_started_again_after_the_proof_of_its_end_is_gone() -> None:
    scene = Scene(RUNS)
    await scene.beside.round()
    scene.rig.clocks.advance(WATCH.ttl)
    scene.control.found = EXPIRED
    await scene.beside.round()
    assert scene.control.asked == ["hold ", "extend", "hold ", "unpin", "start writer", "extend"]
    assert scene.control.proofs == [False] * 6
    assert scene.control.terms[-1] is not None
    grant = read(scene.store, Grant, "trading")
    assert grant is not None
    assert (grant.guard, grant.epoch) == ("g2", 3)


async def test_it_is_not_started_again_when_another_was_made_the_writer() -> None:
    scene = Scene(EXPIRED)
    scene.moved(EU, "7/2", 2.0)
    await scene.beside.round()
    assert scene.control.asked == []


async def test_a_crash_is_released_once_and_only_when_nothing_is_left() -> None:
    scene = Scene(CRASHED)
    await scene.beside.round()
    await scene.beside.round()
    assert scene.control.asked == ["hold standby", "pin", "stop kill"]
    assert proofs(scene.store)[("trading", US)].how == "released"


async def test_what_still_runs_is_not_released() -> None:
    scene = Scene(replace(CRASHED, pids=(8,)))
    await scene.beside.round()
    assert read(scene.store, Release, "trading") is None
    assert "processes are left" in scene.said.getvalue()


async def test_a_release_of_before_proves_nothing_after_a_later_move() -> None:
    scene = Scene(CRASHED)
    await scene.beside.round()
    scene.moved(US, "7/2", 2.0)
    assert proofs(scene.store) == {}


async def test_nor_is_it_why_a_later_crash_would_be_started_again_in_its_place() -> None:
    """It was the writer again when it crashed, long after: that is released anew, and whoever may promotes."""
    scene = Scene(CRASHED)
    await scene.beside.round()
    scene.moved(US, "7/3", 2.0)
    scene.rig.clocks.wall += 2 * WATCH.restart_grace
    scene.control.asked.clear()
    await scene.beside.round()
    assert scene.control.asked == ["hold standby", "pin", "stop kill"]
    assert proofs(scene.store)[("trading", US)].how == "released"


async def test_disarmed_the_server_runs_freely_and_nothing_rests_on_its_guard() -> None:
    scene = Scene(RUNS)
    await scene.beside.round()
    scene.store.drop(Arming.KIND, "trading")
    await scene.beside.round()
    assert scene.control.terms[-1] is None
    scene.rig.clocks.advance(WATCH.ttl)
    assert proofs(scene.store) == {}


async def test_a_restarted_controller_goes_on_extending_what_it_had_granted() -> None:
    scene = Scene(RUNS)
    await scene.beside.round()
    again = Beside(scene.beside._bench, WATCH, US, scene.beside._log, lambda: None)
    await again.round()
    assert len(scene.control.terms) == 2  # at once: some of its time has gone by
    await again.round()
    assert len(scene.control.terms) == 3
    assert scene.epoch == 2


async def test_a_store_that_does_not_answer_extends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(RUNS)
    await scene.beside.round()

    def silent() -> dict[str, Any]:
        raise Refused("QX-STORE-005", "no answer")

    monkeypatch.setattr(scene.store, "rules", silent)
    await scene.beside.round()
    assert scene.control.asked == ["hold ", "extend"]


def judged(scene: Scene, **seen: Any) -> Topology:
    """The healthy world, but for what `trading` says by region."""
    told = v.healthy() | {("trading", {"eu": EU, "ap": v.AP}[word]): facts for word, facts in seen.items()}
    return judge(v.platform(), told, {}, scene.store.rules(), v.STORE, v.NOW, {})


async def test_a_writer_whose_place_no_standby_could_take_is_bound_by_nothing() -> None:
    scene = Scene(RUNS)
    gone = {"eu": v.silent("trading", EU), "ap": v.silent("trading", v.AP)}
    scene.topology = judged(scene, **gone)
    await scene.beside.round()
    assert scene.control.asked == []
    scene.topology = judged(scene)
    await scene.beside.round()
    assert scene.control.terms[-1] is not None
    scene.topology = judged(scene, **gone)
    await scene.beside.round()
    assert scene.control.terms[-1] is not None  # a standby may be missing for a while
    scene.rig.clocks.advance(WATCH.restart_grace)
    await scene.beside.round()
    await scene.beside.round()
    assert scene.control.terms.count(None) == 1
    assert proofs(scene.store) == {}
    assert not scene.beside.held


async def test_a_guard_that_could_not_be_told_is_told_in_the_next_round(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(RUNS)
    await scene.beside.round()
    scene.store.drop(Arming.KIND, "trading")
    with monkeypatch.context() as silent:
        silent.setattr(scene.store, "drop", refuse)
        await scene.beside.round()
    assert None not in scene.control.terms
    await scene.beside.round()
    assert scene.control.terms[-1] is None


async def test_one_that_ended_meanwhile_is_started_again_and_bound_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(RUNS)
    await scene.beside.round()
    scene.store.drop(Arming.KIND, "trading")
    with monkeypatch.context() as silent:
        silent.setattr(scene.store, "drop", refuse)
        await scene.beside.round()
    scene.control.found = EXPIRED
    await scene.beside.round()
    assert (scene.control.asked[-1], scene.control.terms[-1]) == ("start writer", None)
    assert proofs(scene.store) == {}


def refuse(*_: Any, **__: Any) -> None:
    raise Refused("QX-STORE-005", "no answer")
