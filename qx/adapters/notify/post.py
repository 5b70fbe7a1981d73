"""One HTTP POST with one deadline over everything: name, connection, TLS, request, answer. Redirects are not followed.

Invariants: no message holds the address, since whoever knows it may be able to post; certificates are always verified;
an answer that drips does not hold up its deadline. HTTPS_PROXY and NO_PROXY are honoured.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from qx.adapters.answer import HUNG_UP, reason_of, without
from qx.adapters.names import resolves
from qx.adapters.notify.wording import printable
from qx.ports.notifier import NotTaken

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_WORDS = 160  # of what the other side says about a refusal
_AGAIN = {408, 425, 429}  # besides 5xx: asking again may help


class Poster:
    """`name` is the channel's, `ca_file` '' the system's certificates."""

    def __init__(self, name: str, ca_file: str = "") -> None:
        self._name, self._ca_file = name, ca_file
        self._client: httpx.AsyncClient | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> str:
        """The status line's words. Raises NotTaken."""
        try:
            async with asyncio.timeout(timeout):
                return await self._post(url, body, headers, timeout)
        except TimeoutError:
            raise NotTaken(f"{self._name}: no answer within {timeout:.3g} s") from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol):
            raise NotTaken(f"{self._name}: its address is no http:// or https:// URL", final=True) from None
        except (httpx.HTTPError, OSError) as error:
            raise NotTaken(f"{self._name}: {words_of(error)}") from None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> str:
        if self._client is None:  # reading all certificates takes tens of milliseconds: not on the loop
            trust = await asyncio.to_thread(ssl.create_default_context, cafile=self._ca_file or None)
            self._client = httpx.AsyncClient(verify=trust, follow_redirects=False, headers={"User-Agent": "qx"})
        if not getproxies():
            await resolves(urlsplit(url).hostname or "")
        async with self._client.stream("POST", url, content=body, headers=dict(headers), timeout=timeout) as answer:
            said = f"{answer.status_code} {_phrase(answer.status_code)}".strip()
            if answer.is_success:
                return said
            words = await _beginning(answer)
        for secret in (url, *headers.values()):
            words = without(secret, words)
        message = f"{self._name}: it answered {said}{f': {words}' if words else ''}"
        final = answer.status_code < 500 and answer.status_code not in _AGAIN
        raise NotTaken(message, final=final, retry_after=retry_after(answer.headers.get("Retry-After", "")))


async def _beginning(answer: httpx.Response) -> str:
    """The first words of the answer's body; what breaks off is no reason to lose its status."""
    data = b""
    with contextlib.suppress(httpx.HTTPError):
        async for part in answer.aiter_bytes():
            data += part
            if len(data) >= MAX_WORDS:
                break
    return " ".join(printable(data[:MAX_WORDS].decode(errors="replace")).split())


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def retry_after(text: str) -> float | None:
    """Seconds; also of a date. None where there is none, or none that can be read."""
    if text.strip().isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def words_of(error: BaseException) -> str:
    """The words of the system's own error, which stands at the end of the chain behind the library's."""
    found: OSError | None = None
    behind: BaseException | None = error
    while behind is not None:
        found = behind if isinstance(behind, OSError) else found
        first = behind.exceptions[0] if isinstance(behind, BaseExceptionGroup) else None  # of several addresses
        behind = first or behind.__cause__ or behind.__context__
    if found is not None:
        return reason_of(found)[1]
    return HUNG_UP if isinstance(error, httpx.TransportError) else type(error).__name__
