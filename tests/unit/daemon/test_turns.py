"""Turns: many nodes are asked a few at a time; those that are dark hold nobody up, and slow ones are not rushed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from qx.adapters.clock import SystemClock
from qx.daemon.eyes import Eyes
from qx.daemon.turns import AT_ONCE, FIRST_S, LATE, SHORTEST_S, Turns
from qx.model.observation import EndpointFacts, Observation, Silence

DARK_S = 5.0
MANY = 4 * AT_ONCE


class Node:
    """Answers after `takes` seconds, or not before its deadline. `asked`: how many are, and ever were, at once."""

    asked = 0
    most = 0

    def __init__(self, name: str, takes: float) -> None:
        self.name, self.takes = name, takes

    async def observe(self, timeout: float) -> Observation | Silence:
        Node.asked += 1
        Node.most = max(Node.most, Node.asked)
        await asyncio.sleep(min(self.takes, timeout))
        Node.asked -= 1
        common = {"subject": self.name, "region": "r", "observer": "here", "at": 0.0}
        if self.takes > timeout:
            return Silence(**common, reason="timeout", detail="")  # type: ignore[arg-type]
        return Observation(**common, took_s=self.takes, facts=EndpointFacts(ok=True, detail=""))  # type: ignore[arg-type]

    async def heartbeat(self, timeout: float) -> None: ...

    async def close(self) -> None: ...


def eyes(nodes: Mapping[str, Node]) -> Eyes:
    return Eyes({(name, "r"): node for name, node in nodes.items()}, {}, "here", SystemClock(), 1.0, DARK_S)


async def test_no_more_than_so_many_at_once() -> None:
    turns, node = Turns(), Node("n", 0.002)
    turns.answered(3600.0)  # nobody is late
    Node.asked = Node.most = 0

    async def ask() -> None:
        async with turns.one():
            await node.observe(DARK_S)

    await asyncio.gather(*(ask() for _ in range(MANY)))
    assert Node.most == AT_ONCE


async def test_a_dark_region_holds_nobody_up() -> None:
    dark = {f"d{n}": Node(f"d{n}", DARK_S + 1) for n in range(MANY)}
    bright = {f"b{n}": Node(f"b{n}", 0.001) for n in range(50)}
    found = eyes({**dark, **bright})
    look = asyncio.create_task(found.look())
    async with asyncio.timeout(DARK_S - 1):  # before the first dark one has kept its deadline
        while len(found.seen) < len(bright):  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)
    assert all(isinstance(seen, Observation) for seen in found.seen.values())
    await look
    assert sum(isinstance(seen, Silence) for seen in found.seen.values()) == len(dark)


async def test_one_cluster_is_looked_at_out_of_turn() -> None:
    found = eyes({**{f"d{n}": Node(f"d{n}", DARK_S + 1) for n in range(AT_ONCE)}, "urgent": Node("urgent", 0.001)})
    look = asyncio.create_task(found.look())
    await asyncio.sleep(0)
    await found.look("urgent")
    assert set(found.seen) == {("urgent", "r")}
    look.cancel()
    await asyncio.gather(look, return_exceptions=True)


def test_patience_follows_the_answers() -> None:
    turns = Turns()
    assert turns.patience == FIRST_S
    turns.answered(1.0)
    assert turns.patience == LATE
    for _ in range(400):
        turns.answered(0.001)
    assert turns.patience == SHORTEST_S
