"""Mode `confirm`, played by the very daemon: it asks, waits, acts on that very plan, asks anew, and withdraws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from qx.app.approving import give, named, waiting
from qx.app.ledger import decisions
from qx.engine import approvals
from qx.failover.alerting import At, Board, step
from qx.failover.troubles import alerts_of
from qx.kernel.errors import QxError, Refused
from qx.kernel.spans import Seconds
from qx.model.approval import ApprovalRequest, Approved
from qx.model.approving import ApprovalRule
from qx.model.journal import Event as Written
from qx.model.notify import Notify
from tests.fakes.bench import SimBench
from tests.fakes.court import PEOPLE, approver, signer
from tests.fakes.world import KV, PG, US
from tests.machine.playing import Playing
from tests.machine.schedule import Schedule
from tests.machine.test_daemon import CALM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.model.approval import Waiting

EXPIRE_S = 60.0


class Scene:
    """A cluster in mode `confirm`; `apart`: a controller in each region, on an etcd."""

    def __init__(self, plan: Schedule, required: int = 0, people: tuple[str, ...] = ()) -> None:
        self.playing = Playing(plan)
        self.world, self.store = self.playing.world, self.playing.store
        told = self.world.platform
        rule = ApprovalRule(required=required, expire=Seconds(EXPIRE_S))
        self.world.platform = replace(
            told, defaults=replace(told.defaults, approvals=rule), approvers={name: approver(name) for name in people}
        )

    def desk(self, operator: str = "ada@desk") -> SimBench:
        return SimBench(self.world.process(home="ops"), operator)

    def after(self, seconds: float) -> None:
        self.playing._pass(self.world.simulation.now + seconds)

    def waits(self) -> Waiting:
        [found] = waiting(self.desk())
        return found

    def request(self, cluster: str = PG) -> ApprovalRequest:
        """Once the writer was killed."""
        self.playing.troubles.crash_writer(cluster)
        self.after(8.0)
        return self.waits().request

    def approve(self, request: ApprovalRequest, operator: str = "ada@desk") -> tuple[Approved, ...]:
        bench = self.desk(operator)
        return give(bench, named(bench, request.plan), "seen", "", lambda _: "")

    def moved(self) -> bool:
        return self.world.groups[PG].writer.region != US

    def verdicts(self) -> list[str]:
        return [each.verdict for each in reversed(decisions(self.store))]


@pytest.fixture(params=[False, True], ids=["one controller", "one per region"])
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    apart = request.param
    plan = CALM._replace(modes={PG: "confirm"}, armed=frozenset(), length=20.0, apart=apart, guarded=apart)
    made = Scene(plan)
    with made.playing:
        made.after(6.0)
        yield made


def test_it_asks_and_does_nothing_until_a_person_approved_that_plan(scene: Scene) -> None:
    request = scene.request()
    assert (request.daemon, request.clusters) == (True, (PG,))
    assert request.message.startswith(f"failover: {PG} {US} -> ")
    scene.after(30.0)
    assert not scene.moved()
    assert scene.waits().request == request
    scene.approve(request)
    scene.after(10.0)
    assert scene.moved()
    assert waiting(scene.desk()) == ()
    run = next(run for run in scene.store.runs(20) if run.plan_id == request.plan)
    assert run.by.startswith("qx daemon on ")
    entry = next(each.entry for each in scene.store.entries(run.id) if each.entry.event is Written.STARTED)
    assert [each["by"] for each in entry.proof["approvals"]] == ["ada@desk"]
    assert [run.by for run in scene.store.runs(20) if run.intent == "approve"] == ["ada@desk"]
    assert [each for each in scene.verdicts() if each in ("asks", "act", "ended")] == ["asks", "act", "ended"]


def test_a_writer_that_comes_back_withdraws_the_request(scene: Scene) -> None:
    request = scene.request()
    scene.playing.world.node(PG, US).supervised_start()
    scene.after(10.0)
    assert waiting(scene.desk()) == ()
    assert approvals.requests(scene.store) == ()
    assert scene.verdicts()[-1] == "well"
    with pytest.raises(QxError):
        scene.approve(request)


def test_nobody_answered_in_time_then_it_asks_again_under_another_digest(scene: Scene) -> None:
    first = scene.request()
    scene.after(EXPIRE_S + 10.0)
    second = scene.waits().request
    assert second.plan_digest != first.plan_digest
    plan = approvals.pending(scene.store, second)
    assert plan.stages[0].loss is not None  # told when the writer was last heard, and still true
    assert plan.stages[0].loss.bytes_high is not None
    scene.approve(second)
    scene.after(10.0)
    assert scene.moved()


def test_a_plan_that_does_not_hold_any_more_is_asked_for_anew_and_its_approval_is_void(scene: Scene) -> None:
    first = scene.request()
    target = approvals.pending(scene.store, first).stages[0].target
    [sibling] = [node for node in scene.world.groups[PG].nodes.values() if node.region not in (US, target)]
    sibling.end_process()
    scene.approve(first)
    scene.after(6.0)
    assert not scene.moved()
    assert [each for _, _, event, each in scene.playing.daemons.told if event == "stale" and each["plan"] == first.plan]
    assert scene.waits().request.plan_digest != first.plan_digest
    scene.approve(scene.waits().request)
    scene.after(10.0)
    assert scene.world.groups[PG].writer.region == target


def test_the_request_outlives_the_controller_that_made_it(scene: Scene) -> None:
    request = scene.request()
    for place in tuple(scene.playing.daemons.at):
        scene.playing.daemons.kill(place, 5.0)
    scene.approve(request)
    scene.after(40.0)
    assert scene.moved()
    assert any(run.plan_id == request.plan for run in scene.store.runs(20))


def test_the_daemon_approves_nothing_itself(scene: Scene) -> None:
    request = scene.request()
    with pytest.raises(Refused) as caught:
        scene.approve(request, request.by)
    assert caught.value.code == "QX-BOOK-004"


def test_people_are_told_once_for_each_plan() -> None:
    with (scene := Scene(CALM._replace(modes={PG: "confirm"}, length=20.0))).playing:
        scene.after(6.0)
        request = scene.request()
        (controller,) = scene.playing.daemons.at.values()
        assert controller.daemon is not None
        decided = decisions(scene.store)[:1]
        assert decided[0].plan == request.plan
        run = scene.world.run(scene.world.situation(scene.world.process()))
        found = alerts_of(scene.world.platform, run.topology, decided)
        [alert] = [each for each in found if PG in each.clusters and each.decision]
        assert (alert.decision, alert.next) == ("asks", f"qx approve {request.plan} --reason TEXT")
        assert "waits for a person" in alert.because
        now, notify = scene.world.simulation.wall, Notify(after=Seconds(1))
        board, _ = step(Board(), found, notify, At(now, "x"))
        board, words = step(board, found, notify, At(now + 2, "x"))
        assert words
        board, words = step(board, found, notify, At(now + 4, "x"))
        assert not words
        later = [replace(each, next="qx approve another", decided_at=each.decided_at + 1) if each is alert else each
                 for each in found]  # fmt: skip
        _, words = step(board, later, notify, At(now + 6, "x"))
        assert [word.alert.next for word in words] == ["qx approve another"]


def test_n_of_m_sign_what_the_daemon_asks() -> None:
    scene = Scene(CALM._replace(modes={PG: "confirm"}, length=20.0), 2, PEOPLE)
    with scene.playing:
        scene.after(6.0)
        request = scene.request()
        for name in ("bob", "carol"):
            bench = scene.desk(f"{name}@desk")
            given = approvals_of(bench, request, name)
            approvals.keep(scene.store, request, given, bench.clock.now())
            scene.after(8.0)
            assert scene.moved() is (name == "carol")


def approvals_of(bench: SimBench, request: ApprovalRequest, name: str) -> Approved:
    """What `qx approve --key` would keep."""
    from qx.kernel.publickey import fingerprint

    now = int(bench.clock.now())
    said = Approved(
        platform=bench.platform.platform, store=bench.store.store_id, plan=request.plan, run="", step="",
        plan_digest=request.plan_digest, clusters=request.clusters, by=name, account=bench.operator,
        key=fingerprint(signer(name).public), reason="seen", at=now, expires=now + 900,
    )  # fmt: skip
    return replace(said, signature=signer(name).sign(said.statement))


def test_a_redis_too() -> None:
    with (scene := Scene(CALM._replace(modes={KV: "confirm"}, length=30.0))).playing:
        scene.after(6.0)
        request = scene.request(KV)
        scene.approve(request)
        scene.after(10.0)
        assert scene.world.groups[KV].writer.region != US
