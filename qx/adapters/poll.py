"""Polling: something was asked for and takes effect by itself; ask again until it is seen, or the deadline has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from qx.adapters.answer import LostAnswer, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qx.model.observation import Reason
    from qx.ports.clock import Clock

T = TypeVar("T")


async def until(
    node: str,
    clock: Clock,
    deadline: float,
    every: float,
    ask: Callable[[float], Awaitable[T | None]],
    pending: str,
) -> T:
    """The first answer that is not None. `deadline` is an instant of clock.elapsed(); `ask` gets the seconds left.

    A server that does not answer in between is asked again: what was asked for may be what keeps it busy. Raises
    LostAnswer at the deadline, which says what was `pending`.
    """
    reason: Reason = "timeout"
    detail = pending
    while (left := deadline - clock.elapsed()) > 0:
        try:
            answer = await ask(left)
        except (NoAnswer, LostAnswer) as error:
            reason, detail = error.reason, f"{pending}, then: {error.detail}"
        else:
            if answer is not None:
                return answer
            reason, detail = "timeout", pending
        await clock.sleep(min(every, max(0.0, deadline - clock.elapsed())))
    raise LostAnswer(node, reason, detail)
