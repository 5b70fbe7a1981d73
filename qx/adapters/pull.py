"""One document fetched over HTTP, bounded: its size, its time, no redirect. Certificates are verified.

Plain http is taken from this machine only: what comes from elsewhere must at least come from whom it names.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import httpx

from qx.kernel.errors import QxError

PATIENCE_S = 30.0


def pull(url: str, most: int) -> bytes:
    """Raises QX-RULE-005."""
    shown = _shown(url)
    if urlsplit(url).scheme != "https" and not _is_here(url):
        raise QxError("QX-RULE-005", f"{shown}: https is wanted", hint="http is taken from 127.0.0.1 only")
    try:
        named = {"User-Agent": "qx"}
        with httpx.stream("GET", url, timeout=PATIENCE_S, follow_redirects=False, headers=named) as answer:
            if answer.status_code != httpx.codes.OK:
                raise QxError("QX-RULE-005", f"{shown} answered {answer.status_code}")
            kept = b""
            for chunk in answer.iter_bytes():
                kept += chunk
                if len(kept) > most:
                    raise QxError("QX-RULE-005", f"{shown} is larger than {most} bytes")
            return kept
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise QxError("QX-RULE-005", f"{shown}: {type(error).__name__}: {error}") from error


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(url: str) -> str:
    """Without what may be secret in it: userinfo and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
