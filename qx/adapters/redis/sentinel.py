"""What the Sentinels of a Redis cluster say: whom they take for the master, and whether they could agree on another.

Invariants: all are asked at once, each within the same deadline; one that is silent or contradicts is told by name.
Nothing is ever asked of a Sentinel that changes anything.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from qx.adapters.answer import Declined, LostAnswer, NoAnswer
from qx.adapters.redis.session import Session
from qx.model.observation import SentinelFacts

if TYPE_CHECKING:
    from collections.abc import Callable


async def ask_sentinels(
    name: str, sentinels: tuple[str, ...], timeout: float, password: Callable[[], str] = str
) -> SentinelFacts:
    """`sentinels`: host:port of each; `password`: theirs, not that of the servers which they watch."""
    answers = await asyncio.gather(*(_ask(name, address, timeout, password) for address in sentinels))
    heard = {address: answer for address, answer in zip(sentinels, answers, strict=True) if not isinstance(answer, str)}
    masters = {address: master for address, (master, _, _) in heard.items()}
    objections = [objection for _, objection, _ in heard.values() if objection]
    majority = len(sentinels) // 2 + 1
    most, votes = Counter(masters.values()).most_common(1)[0] if masters else ("", 0)
    return SentinelFacts(
        name=name,
        master=most if votes >= majority else "",
        masters=masters,
        silent={a: answer for a, answer in zip(sentinels, answers, strict=True) if isinstance(answer, str)},
        quorum=not objections and len(heard) >= majority,
        detail=objections[0] if objections else "",
        failover_in_progress=any(under_way for _, _, under_way in heard.values()),
    )


async def _ask(name: str, address: str, timeout: float, password: Callable[[], str]) -> tuple[str, str, bool] | str:
    """(master's address, objection to a failover, whether one is under way), or why it did not answer."""
    session = Session(f"Sentinel {address}", f"redis://{address}", password, "")
    try:
        where, quorum, state = await session.ask_all(
            ("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name), ("SENTINEL", "CKQUORUM", name), ("SENTINEL", "MASTER", name),
            timeout=timeout, harmless=True,
        )  # fmt: skip
    except (NoAnswer, LostAnswer) as error:
        return error.detail
    finally:
        await session.close()
    if isinstance(where, Declined):
        return where.words
    objection = quorum.words if isinstance(quorum, Declined) else ""
    return ":".join(where) if where else "", objection, "failover_in_progress" in _flags(state)


def _flags(state: Any) -> list[str]:
    if isinstance(state, Declined):
        return []
    words = dict(zip(state[::2], state[1::2], strict=True))
    return str(words.get("flags", "")).split(",")
