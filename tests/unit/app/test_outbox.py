"""Notices on their way: nobody waits for them, none is lost without a word, one that hangs holds up no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from qx.app.outbox import ABREAST, MOST, Outbox
from qx.kernel.errors import QxError
from qx.kernel.spans import Seconds
from qx.model.alert import Alert, Delivery, Happening, Notice, Severity
from qx.model.notify import Notify
from qx.ports.notifier import NotTaken

T0 = 1_800_000_000.0
NOTIFY = Notify(give_up=Seconds(900))


class Quick:
    """A clock on which waiting costs no time; `naps` are the waits."""

    def __init__(self) -> None:
        self.at, self.naps = 0.0, list[float]()

    def now(self) -> float:
        return T0 + self.at

    def elapsed(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.at += seconds
        await asyncio.sleep(0)

    def noise(self) -> bytes:
        return bytes(10)


class Kept:
    """What stands in the keeping."""

    def __init__(self) -> None:
        self.standing: dict[str, Delivery] = {}

    def keep(self, delivery: Delivery) -> None:
        self.standing[delivery.key] = delivery

    def settle(self, delivery: Delivery) -> None:
        del self.standing[delivery.key]


class Channel:
    """`answers`: what each attempt comes to, the last one again and again; None takes it."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers) or [None]
        self.got: list[str] = []
        self.hung, self.took = asyncio.Event(), asyncio.Event()
        self.hangs: Callable[[Notice], bool] = lambda _notice: False
        self.abreast = self.most = 0
        self.closed = False

    async def send(self, notice: Notice, timeout: float) -> str:
        self.abreast += 1
        self.most = max(self.most, self.abreast)
        try:
            if self.hangs(notice):
                await self.hung.wait()
            await asyncio.sleep(0)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer is not None:
                raise answer
            self.got.append(notice.id)
            self.took.set()
            return "taken"
        finally:
            self.abreast -= 1

    async def close(self) -> None:
        self.closed = True


def delivery(number: int, key: str = "writer/trading", channel: str = "pager") -> Delivery:
    alert = Alert(key=key, severity=Severity.CRITICAL, title=key, because="", regions=(), clusters=(), next="",
                  since=T0)  # fmt: skip
    notice = Notice(id=f"n{number}", happening=Happening.FIRED, at=T0 + number, platform="demo", alert=alert)
    return Delivery(notice=notice, channel=channel, by="qx-1")


def refusal(*, final: bool = False, after: float | None = None) -> NotTaken:
    return NotTaken("pager: it answered 503", final=final, retry_after=after)


async def sent(channel: Channel, *deliveries: Delivery) -> tuple[Outbox, Kept, Quick]:
    clock, kept = Quick(), Kept()
    box = Outbox({"pager": channel}, NOTIFY, clock, kept)
    for each in deliveries:
        box.send(each)
    await box.close(10)
    return box, kept, clock


async def test_what_is_taken_is_no_longer_kept() -> None:
    channel = Channel()
    box, kept, clock = await sent(channel, delivery(1), delivery(2))
    assert channel.got == ["n1", "n2"]
    assert kept.standing == {}
    assert clock.naps == []
    assert box.counts == {("pager", "delivered"): 2}
    assert channel.closed


async def test_it_is_tried_again_with_growing_pauses_in_order() -> None:
    channel = Channel(refusal(), refusal(), refusal(), None)
    box, kept, clock = await sent(channel, delivery(1), delivery(2))
    assert channel.got == ["n1", "n2"]
    assert clock.naps == [1.0, 2.0, 4.0]
    assert kept.standing == {}
    assert box.counts["pager", "failed"] == 3


async def test_the_other_sides_wish_is_respected() -> None:
    _, _, clock = await sent(Channel(refusal(after=30.0), None), delivery(1))
    assert clock.naps == [30.0]


async def test_after_a_while_it_is_given_up_and_kept() -> None:
    channel = Channel(refusal())
    box, kept, clock = await sent(channel, delivery(1))
    assert sum(clock.naps) <= NOTIFY.give_up
    assert max(clock.naps) == 60.0
    [left] = kept.standing.values()
    assert (left.gave_up, left.attempts, left.error) == (True, len(clock.naps) + 1, "pager: it answered 503")
    assert box.counts["pager", "gave-up"] == 1


@pytest.mark.parametrize("answer", [refusal(final=True), refusal(after=1000.0), ZeroDivisionError("oh")])
async def test_what_cannot_be_mended_by_waiting_is_given_up_at_once(answer: Exception) -> None:
    _, kept, clock = await sent(Channel(answer), delivery(1))
    assert clock.naps == []
    [left] = kept.standing.values()
    assert left.gave_up


async def test_a_secret_that_cannot_be_had_is_asked_for_again() -> None:
    channel = Channel(QxError("QX-SEC-001", "env:HOOK: the variable is not set"), None)
    _, kept, clock = await sent(channel, delivery(1))
    assert (channel.got, clock.naps, kept.standing) == (["n1"], [1.0], {})


async def test_an_alert_that_hangs_holds_up_no_other() -> None:
    channel, kept = Channel(), Kept()
    channel.hangs = lambda notice: notice.alert.key == "stuck"
    box = Outbox({"pager": channel}, NOTIFY, Quick(), kept)
    box.send(delivery(1, "stuck"))
    box.send(delivery(2, "stuck"))
    box.send(delivery(3, "well"))
    await asyncio.wait_for(channel.took.wait(), 10)
    assert channel.got == ["n3"]
    await asyncio.sleep(0)
    assert box.waiting == {"pager": 2}
    channel.hung.set()
    await box.close(10)
    assert channel.got == ["n3", "n1", "n2"]


async def test_a_channel_has_few_attempts_abreast() -> None:
    channel = Channel()
    await sent(channel, *(delivery(n, f"key/{n}") for n in range(10)))
    assert len(channel.got) == 10
    assert channel.most == ABREAST


async def test_too_many_give_way_oldest_first_and_say_so() -> None:
    channel, kept = Channel(), Kept()
    channel.hangs = lambda _notice: True
    box = Outbox({"pager": channel}, NOTIFY, Quick(), kept)
    for number in range(MOST + 3):
        box.send(delivery(number))
    await asyncio.sleep(0)
    given_up = {each.notice.id for each in kept.standing.values() if each.gave_up}
    assert given_up == {"n1", "n2", "n3"}
    assert box.waiting == {"pager": MOST}
    await box.close(0)


async def test_what_is_not_delivered_when_it_closes_stays_kept() -> None:
    channel, kept = Channel(), Kept()
    channel.hangs = lambda _notice: True
    box = Outbox({"pager": channel}, NOTIFY, Quick(), kept)
    box.send(delivery(1))
    box.send(delivery(2))
    await asyncio.sleep(0)
    await box.close(0)
    assert [each.gave_up for each in kept.standing.values()] == [False, False]


async def test_a_channel_that_is_no_longer_configured() -> None:
    kept = Kept()
    box = Outbox({}, NOTIFY, Quick(), kept)
    box.send(delivery(1))
    assert [each.gave_up for each in kept.standing.values()] == [True]
    await box.close(0)
