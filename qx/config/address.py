"""Addresses as the file writes them: URLs of servers and endpoints, `host:port`.

Messages never repeat a URL: somebody may have written a password into it.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

PORTS = {"postgresql": 5432, "postgres": 5432, "redis": 6379, "rediss": 6379, "http": 80, "https": 443, "tcp": 0}


class Address(NamedTuple):
    """Where a server listens. `host` in lower case, without the brackets of IPv6."""

    scheme: str
    host: str
    port: int
    path: str = ""
    password: bool = False  # one stands in the URL, which no URL of the file may hold

    @property
    def socket(self) -> tuple[str, int]:
        """Equal for two spellings of one address."""
        return ("127.0.0.1" if self.host in {"localhost", "::1"} else self.host, self.port)


def parse_url(url: str) -> Address:
    """Raises ValueError in words that do not repeat the URL."""
    if "://" not in url:
        raise ValueError("is not a URL (scheme://host:port)")
    if any(c.isspace() for c in url):
        raise ValueError("has a space in it")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError("has brackets that hold no IPv6 address") from error
    host = parts.hostname or ""
    if "," in parts.netloc:
        raise ValueError("names several hosts; a node is one server")
    if not host:
        raise ValueError("names no host")
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError("has a port that is not a number from 1 to 65535") from error
    if port == 0 or (port is None and not PORTS.get(parts.scheme, 1)):
        raise ValueError("wants a port from 1 to 65535")
    query = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    inline = parts.password is not None or bool(query & {"password", "sslpassword"})
    return Address(parts.scheme, host.lower(), port or PORTS.get(parts.scheme, 0), parts.path, inline)


def parse_host_port(text: str) -> Address:
    """`host:port`, `[::1]:port`. Raises ValueError."""
    if "://" in text or "/" in text or "@" in text:
        raise ValueError("wants host:port alone")
    address = parse_url(f"tcp://{text}")
    return address._replace(scheme="")
