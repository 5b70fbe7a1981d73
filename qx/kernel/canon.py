"""Canonical form and digest: what the identity of a plan, an entry or a file means.

Canonical JSON: UTF-8, keys sorted, no white space, no NaN; floats as Python's shortest round-trip form.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: Any) -> bytes:
    """`value` (JSON types only) as canonical JSON bytes. Raises ValueError on NaN, TypeError on other types."""
    return _ENCODER.encode(value).encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical form, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def chained(previous: str, value: Any) -> str:
    """The digest of `value` bound to the one before it ('' at the start of a chain)."""
    return hashlib.sha256(previous.encode() + b"\n" + canonical(value)).hexdigest()
