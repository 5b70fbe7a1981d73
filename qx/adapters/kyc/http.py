"""A KYC provider over HTTP: one POST per question, tried again while that may help, within one deadline over all.

    POST {"lei": ..., "registrationNo": ..., "name": ..., "country": ...}    what is not known is left out
    200  {"record": {"lei": ..., "status": "verified", "reviewedAt": "2026-03-01", ...}}, or {"record": null}

Names stand in the body, never in an address that proxies keep. Invariants: certificates are verified; no redirect is
followed; an answer is read up to its bound and no further, and never unpacked; a record that is not about the party is
no answer; no message holds the address, a header or anything of the party. HTTPS_PROXY and NO_PROXY are honoured.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx
from msgspec import DecodeError, Struct, json

from qx.adapters.kyc.breaker import Breaker
from qx.adapters.kyc.silence import KycLater, unusable
from qx.adapters.names import resolves
from qx.adapters.notify.post import retry_after, words_of
from qx.compliance.kyc import chosen, record_of
from qx.model.kyc import KycRecord, Unknown
from qx.ports.kyc import KycSilent

if TYPE_CHECKING:
    from collections.abc import Callable

    from qx.model.kyc import HttpKyc, Party
    from qx.ports.clock import Clock

FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 2.0
AGAIN = frozenset({408, 425, 429})  # besides 5xx
MAY_NOT = frozenset({401, 403})


class _Answer(Struct, frozen=True, forbid_unknown_fields=True):
    record: dict[str, Any] | None


class HttpProvider:
    """`secret`: what is behind a reference. Headers are kept while the provider takes them."""

    def __init__(self, settings: HttpKyc, secret: Callable[[str], str], clock: Clock) -> None:
        self._settings, self._secret, self._clock = settings, secret, clock
        self._breaker = Breaker(settings.break_after, settings.rest, clock.elapsed)
        self._client: httpx.AsyncClient | None = None
        self._headers: dict[str, str] | None = None

    async def look(self, party: Party) -> KycRecord | Unknown:
        probe = self._breaker.is_open
        if not self._breaker.admits():
            raise self._silent(f"it is not asked until {self._settings.rest} have passed: it came to nothing before")
        try:
            found = await self._within(party)
        except KycSilent:
            self._breaker.failed(probe=probe)
            raise
        except BaseException:  # a secret that is not there, a cancelled question: it is not the provider's fault
            self._breaker.left(probe=probe)
            raise
        self._breaker.worked()
        return found

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _within(self, party: Party) -> KycRecord | Unknown:
        last = "nothing was sent"
        until = self._clock.elapsed() + self._settings.timeout
        try:
            async with asyncio.timeout(self._settings.timeout):
                for number in range(self._settings.retries + 1):
                    try:
                        return await self._attempt(party)
                    except KycLater as error:
                        last = error.message
                        wait = self._wait(number) if error.after is None else error.after
                        if number == self._settings.retries or self._clock.elapsed() + wait >= until:
                            raise
                    await self._clock.sleep(wait)
        except TimeoutError:
            raise self._silent(f"no answer within {self._settings.timeout}; last: {last}") from None
        raise AssertionError("the last attempt has returned or raised")

    def _wait(self, number: int) -> float:
        """Seconds: any part of a span that doubles, so that those who failed together do not come back together."""
        part = int.from_bytes(self._clock.noise()[:4]) / 2**32
        return float(min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**number) * part)

    async def _attempt(self, party: Party) -> KycRecord | Unknown:
        try:
            async with asyncio.timeout(self._settings.attempt_timeout):
                status, kind, data, after = await self._post(json.encode(party))
        except TimeoutError:
            raise self._later(f"no answer within {self._settings.attempt_timeout}") from None
        except httpx.ConnectTimeout:
            raise self._later(f"no connection within {self._settings.connect_timeout}") from None
        except (httpx.InvalidURL, UnicodeEncodeError):
            raise self._silent("its address or a header cannot be sent") from None
        except (httpx.HTTPError, OSError) as error:
            raise self._later(words_of(error)) from None
        if status in AGAIN or status >= 500:
            raise self._later(f"it answered {status}", after)
        if status != httpx.codes.OK:
            if status in MAY_NOT:
                self._headers = None  # the next question asks for the secret anew
            raise self._silent(f"it answered {status}")
        if kind.partition(";")[0].strip().lower() != "application/json":
            raise unusable(self._settings.name, "its answer is no application/json")
        return self._read(data, party)

    async def _post(self, body: bytes) -> tuple[int, str, bytes, float | None]:
        """(status, content type, body of a 200, seconds of Retry-After)."""
        url, limit = self._settings.url, self._settings.max_answer
        headers = await self._told()
        client = await self._connected()
        if not getproxies():
            await resolves(urlsplit(url).hostname or "")
        async with client.stream("POST", url, content=body, headers=headers) as answer:
            kind, after = answer.headers.get("Content-Type", ""), retry_after(answer.headers.get("Retry-After", ""))
            if answer.status_code != httpx.codes.OK:
                return answer.status_code, kind, b"", after
            if answer.headers.get("Content-Encoding", "identity") != "identity":
                raise unusable(self._settings.name, "its answer is packed, which was not asked for")
            data = b""
            async for part in answer.aiter_raw():
                data += part
                if len(data) > limit:  # hung up on: the rest is not read
                    raise unusable(self._settings.name, f"its answer is longer than {limit}")
            return answer.status_code, kind, data, after

    def _read(self, data: bytes, party: Party) -> KycRecord | Unknown:
        try:
            found = json.decode(data, type=_Answer)
            if found.record is None:
                return Unknown()
            answer = chosen([record_of(found.record)], party)
        except (DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
            raise unusable(self._settings.name, "its answer has not the agreed form", error) from None
        if isinstance(answer, Unknown):
            raise unusable(self._settings.name, "its answer is about somebody else")
        return answer

    async def _told(self) -> dict[str, str]:
        if self._headers is None:
            own = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
            found = await asyncio.to_thread(
                lambda: {name: self._secret(reference) for name, reference in self._settings.headers.items()}
            )
            self._headers = own | found
        return self._headers

    async def _connected(self) -> httpx.AsyncClient:
        if self._client is None:  # reading all certificates takes tens of milliseconds: not on the loop
            trust = await asyncio.to_thread(ssl.create_default_context, cafile=self._settings.ca_file or None)
            if self._client is None:  # another question may have been quicker
                limits = httpx.Limits(max_connections=self._settings.concurrency)
                timeout = httpx.Timeout(self._settings.attempt_timeout, connect=self._settings.connect_timeout)
                self._client = httpx.AsyncClient(
                    verify=trust, follow_redirects=False, limits=limits, timeout=timeout, headers={"User-Agent": "qx"}
                )
        return self._client

    def _silent(self, why: str) -> KycSilent:
        return KycSilent("QX-KYC-001", f"{self._settings.name}: {why}")

    def _later(self, why: str, after: float | None = None) -> KycLater:
        return KycLater(f"{self._settings.name}: {why}", after)

