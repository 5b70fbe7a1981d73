"""Durations and sizes as people write them: `90s`, `5m`, `1MiB`; one spelling out, several in."""

from __future__ import annotations

import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"b": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
          "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-zA-Z]*)")


class Seconds(float):
    """A duration in seconds that prints as `1m30s`."""

    def __str__(self) -> str:
        return format_seconds(self)


class Bytes(int):
    """A size in bytes that prints as `1.5 MiB`."""

    def __str__(self) -> str:
        return format_bytes(self)


def parse_seconds(text: str | float) -> Seconds:
    """`250ms`, `30s`, `1m30s`, `5m`, `2h`, `1d`, or a number of seconds. Raises ValueError with the accepted forms."""
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return Seconds(text)
    total, rest = 0.0, str(text).strip()
    while rest:
        part = _PART.match(rest)
        unit = (part.group(2).lower() or "s") if part else ""
        if part is None or unit not in _SECONDS:
            raise ValueError(f"not a duration: {text!r} (forms: 250ms, 30s, 1m30s, 5m, 2h, 1d)")
        total += float(part.group(1)) * _SECONDS[unit]
        rest = rest[part.end():].strip()
    if not str(text).strip():
        raise ValueError("not a duration: '' (forms: 250ms, 30s, 1m30s, 5m, 2h, 1d)")
    return Seconds(total)


def parse_bytes(text: str | int) -> Bytes:
    """`512`, `64KiB`, `1MiB`, `10MB`. Raises ValueError with the accepted forms."""
    if isinstance(text, int) and not isinstance(text, bool):
        return Bytes(text)
    part = _PART.fullmatch(str(text).strip())
    unit = (part.group(2).lower() or "b") if part else ""
    if part is None or unit not in _BYTES:
        raise ValueError(f"not a size: {text!r} (forms: 512, 64KiB, 1MiB, 10MB, 1GiB)")
    return Bytes(float(part.group(1)) * _BYTES[unit])


def format_seconds(value: float) -> str:
    """`0 s`, `12 ms`, `1.2 s`, `1m30s`, `2h05m`."""
    if value < 0:
        return "-" + format_seconds(-value)
    if value == 0:
        return "0 s"
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 59.95:
        return f"{value:.1f} s".replace(".0 s", " s")
    if value < 3600:
        return f"{int(value // 60)}m{int(value % 60):02d}s"
    if value < 86400 * 2:
        return f"{int(value // 3600)}h{int(value % 3600 // 60):02d}m"
    return f"{int(value // 86400)}d{int(value % 86400 // 3600):02d}h"


def format_bytes(value: int) -> str:
    """`0 B`, `640 B`, `1.5 MiB`."""
    if value < 0:
        return "-" + format_bytes(-value)
    size = float(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
