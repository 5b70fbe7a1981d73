"""One Redis command that somebody else wrote, and its answer in plain values, bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qx.adapters.redis.observe import words_of
from qx.adapters.redis.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 500  # characters of one text
MOST = 100  # items of one list
_PAIRS = ("HGETALL", "CONFIG")  # answered in RESP2 as a list of names and values


async def asked(
    node: str, url: str, password: Callable[[], str], tag: str, command: tuple[str, ...], *, writes: bool,
    timeout: float,
) -> dict[str, Any]:
    """`reply`: INFO, HGETALL and CONFIG GET as mappings. Raises NoAnswer, Declined; of one that writes LostAnswer."""
    session = Session(node, url, password, tag)
    try:
        reply = await session.ask(*command, timeout=timeout, harmless=not writes)
    finally:
        await session.close()
    word = command[0].upper()
    if word == "INFO" and isinstance(reply, str):
        return {"reply": {name: _number(value) for name, value in words_of(reply).items()}}
    if word in _PAIRS and isinstance(reply, list):
        return {"reply": {str(name): _plain(value) for name, value in zip(reply[::2], reply[1::2], strict=False)}}
    return {"reply": _plain(reply)}


def _number(text: str) -> str | int:
    return int(text) if text.lstrip("-").isdecimal() and len(text) < 18 else _plain(text)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, (list, tuple, set)):
        return [_plain(each) for each in list(value)[:MOST]]
    if isinstance(value, dict):
        return {str(key): _plain(held) for key, held in list(value.items())[:MOST]}
    text = str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
