"""Slack's incoming webhook, and what takes the same messages. Words of servers cannot become mentions or links."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import json

from qx.adapters.notify.post import Poster
from qx.adapters.notify.wording import lines, subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.alert import Notice
    from qx.model.notify import SlackChannel

LONGEST = 3000


class SlackNotifier:
    """`secret`: what is behind a reference."""

    def __init__(self, name: str, settings: SlackChannel, secret: Callable[[str], str]) -> None:
        self._settings, self._secret = settings, secret
        self._poster = Poster(name, settings.ca_file)

    async def send(self, notice: Notice, timeout: float) -> str:
        url = await asyncio.to_thread(self._secret, self._settings.url)
        message = json.encode({"text": text(notice)})
        return await self._poster.post(url, message, {"Content-Type": "application/json"}, timeout)

    async def close(self) -> None:
        await self._poster.close()


def text(notice: Notice) -> str:
    plain = [f"*{_escaped(subject(notice))}*", *map(_escaped, lines(notice))]
    if notice.alert.next:
        plain.append(f"`{_escaped(notice.alert.next)}`")
    return "\n".join(plain)[:LONGEST]


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
