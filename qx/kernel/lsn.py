"""PostgreSQL's log sequence numbers: a position in bytes, and `16/B374D848`, as the server writes it."""

from __future__ import annotations


def parse_lsn(text: str) -> int:
    """Bytes since the beginning of the log. Raises ValueError."""
    high, slash, low = text.partition("/")
    if not slash:
        raise ValueError(f"not a log position: {text!r}")
    return int(high, 16) << 32 | int(low, 16)


def format_lsn(position: int) -> str:
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"
