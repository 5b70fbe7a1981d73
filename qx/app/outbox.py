"""Outbox: notices on their way. Never makes its caller wait; each is tried until it is taken or given up, and said so.

Invariants: notices of one alert leave a channel in the order in which they came; one that hangs or is refused holds up
no other alert's; a channel has at most ABREAST attempts under way and MOST notices waiting, the oldest gives way. What
is not delivered when it closes stays in the keeping, for the next start.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from qx.kernel.errors import QxError
from qx.ports.notifier import NotTaken

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.model.alert import Delivery
    from qx.model.notify import Notify
    from qx.ports.clock import Clock
    from qx.ports.notifier import Notifier

ABREAST = 2
MOST = 100
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 60.0

Lane = tuple[str, str]  # channel, alert


class Keeping(Protocol):
    """Where deliveries stand until they are taken. Neither raises."""

    def keep(self, delivery: Delivery) -> None: ...

    def settle(self, delivery: Delivery) -> None: ...


class Outbox:
    """`counts`: by (channel, 'delivered' | 'failed' | 'gave-up'); an attempt that failed counts each time."""

    def __init__(self, notifiers: Mapping[str, Notifier], notify: Notify, clock: Clock, keeping: Keeping) -> None:
        self._notifiers, self._notify, self._clock, self._keeping = notifiers, notify, clock, keeping
        self._lanes: dict[Lane, deque[Delivery]] = {}
        self._work: dict[Lane, asyncio.Task[None]] = {}
        self._abreast = {name: asyncio.Semaphore(ABREAST) for name in notifiers}
        self.counts: Counter[tuple[str, str]] = Counter()

    def send(self, delivery: Delivery) -> None:
        """Returns at once; a running loop is wanted. `delivery` is kept from now on."""
        lane = (delivery.channel, delivery.notice.alert.key)
        self._keeping.keep(delivery)
        if delivery.channel not in self._notifiers:
            self._give_up(delivery, "no such channel is configured any more")
            return
        self._make_room(delivery.channel)
        self._lanes.setdefault(lane, deque()).append(delivery)
        if lane not in self._work:
            self._work[lane] = asyncio.get_running_loop().create_task(self._drain(lane), name=f"notify {lane}")

    @property
    def waiting(self) -> dict[str, int]:
        """Notices that are not yet taken, by channel."""
        counted = dict.fromkeys(self._notifiers, 0)
        for (channel, _), lane in self._lanes.items():
            counted[channel] += len(lane)
        return counted

    async def close(self, grace: float) -> None:
        """Lets what is under way go on for `grace` seconds, then ends it and closes the channels."""
        tasks = set(self._work.values())
        if tasks and grace > 0:
            await asyncio.wait(tasks, timeout=grace)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for notifier in self._notifiers.values():
            await notifier.close()

    async def _drain(self, lane: Lane) -> None:
        queue = self._lanes[lane]
        try:
            while queue:
                await self._deliver(queue[0])
                queue.popleft()
        finally:
            del self._lanes[lane], self._work[lane]

    async def _deliver(self, delivery: Delivery) -> None:
        end = self._clock.elapsed() + self._notify.give_up
        wait = FIRST_WAIT_S
        while True:
            delivery = replace(delivery, attempts=delivery.attempts + 1)
            refusal = await self._attempt(delivery)
            if refusal is None:
                self.counts[delivery.channel, "delivered"] += 1
                self._keeping.settle(delivery)
                return
            self.counts[delivery.channel, "failed"] += 1
            delivery = replace(delivery, error=refusal.message)
            pause = max(wait, refusal.retry_after or 0.0)
            if refusal.final or self._clock.elapsed() + pause > end:
                self._give_up(delivery, refusal.message)
                return
            self._keeping.keep(delivery)
            await self._clock.sleep(pause)
            wait = min(2 * wait, LONGEST_WAIT_S)

    async def _attempt(self, delivery: Delivery) -> NotTaken | None:
        async with self._abreast[delivery.channel]:
            try:
                await self._notifiers[delivery.channel].send(delivery.notice, self._notify.timeout)
            except NotTaken as refusal:
                return refusal
            except QxError as error:  # a secret that cannot be had: it may come back
                return NotTaken(f"{delivery.channel}: {error.message}", hint=error.hint)
            except Exception as error:  # noqa: BLE001 - a driver's bug is told with the notice, and ends no other lane
                return NotTaken(f"{delivery.channel}: a bug, {type(error).__name__}: {error}", final=True)
        return None

    def _give_up(self, delivery: Delivery, why: str) -> None:
        self.counts[delivery.channel, "gave-up"] += 1
        self._keeping.keep(replace(delivery, error=why, gave_up=True))

    def _make_room(self, channel: str) -> None:
        """The oldest that nobody is delivering yet gives way."""
        lanes = [lane for (name, _), lane in self._lanes.items() if name == channel]
        if sum(len(lane) for lane in lanes) < MOST:
            return
        waiting = [(lane[1].notice.at, number) for number, lane in enumerate(lanes) if len(lane) > 1]
        if waiting:
            lane = lanes[min(waiting)[1]]
            oldest = lane[1]
            del lane[1]
            self._give_up(oldest, f"more than {MOST} notices wait for {channel}")
