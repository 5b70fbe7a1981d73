"""A webhook: the document `qx.notice/1`, signed where there is a secret to sign with.

`X-Qx-Signature: t=UNIX,v1=HEX`: HMAC-SHA256 of `UNIX.BODY`. `X-Qx-Notice` is the same in every attempt, so that a
receiver can tell a repetition.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from typing import TYPE_CHECKING

from qx.adapters.notify.post import Poster
from qx.adapters.notify.wording import body

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.alert import Notice
    from qx.model.notify import WebhookChannel


class WebhookNotifier:
    """`secret`: what is behind a reference."""

    def __init__(self, name: str, settings: WebhookChannel, secret: Callable[[str], str]) -> None:
        self._settings, self._secret = settings, secret
        self._poster = Poster(name, settings.ca_file)

    async def send(self, notice: Notice, timeout: float) -> str:
        url, key, headers = await asyncio.to_thread(self._resolved)
        data = body(notice)
        headers |= {"Content-Type": "application/json", "X-Qx-Notice": notice.id}
        if key:
            headers["X-Qx-Signature"] = signature(key, data, int(time.time()))
        return await self._poster.post(url, data, headers, timeout)

    async def close(self) -> None:
        await self._poster.close()

    def _resolved(self) -> tuple[str, str, dict[str, str]]:
        url = self._settings.url
        if not url.startswith(("http://", "https://")):
            url = self._secret(url)
        headers = {name: self._secret(reference) for name, reference in self._settings.headers.items()}
        return url, self._secret(self._settings.secret), headers


def signature(key: str, data: bytes, at: int) -> str:
    signed = hmac.new(key.encode(), f"{at}.".encode() + data, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"
