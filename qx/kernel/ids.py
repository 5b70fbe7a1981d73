"""Sortable ids: UUIDv7 (RFC 9562) in Crockford base 32, 26 characters, sorted by time."""

from __future__ import annotations

from functools import lru_cache

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def sortable_id(unix_s: float, noise: bytes) -> str:
    """An id of the instant `unix_s` (seconds) and ten random bytes."""
    if len(noise) != 10:
        raise ValueError("noise must be 10 bytes")
    number = (int(unix_s * 1000) & (2**48 - 1)) << 80 | int.from_bytes(noise, "big")
    number = number & ~(0xF << 76) | 0x7 << 76
    number = number & ~(0x3 << 62) | 0x2 << 62
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


@lru_cache(1024)
def slug(name: str) -> str:
    """`name` as an identifier of SQL and files: lower case letters, digits and underscores."""
    return "".join(c if c.isalnum() and c.isascii() else "_" for c in name.lower())
