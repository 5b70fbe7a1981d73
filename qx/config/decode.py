"""A document's tree -> Platform. The short way when all is well; else `diagnose` lists every fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from qx.kernel.spans import Bytes, Seconds, parse_bytes, parse_seconds

LONGEST = 24
"""Characters: no duration or size needs more, and beyond it a number could overflow."""

if TYPE_CHECKING:
    from qx.model.platform import Platform


def convert(tree: Any) -> Platform:
    """Raises msgspec.ValidationError at the first fault."""
    from qx.model.platform import Platform

    return msgspec.convert(tree, Platform, dec_hook=custom)


def custom(kind: type, value: Any) -> Any:
    """A duration or size out of what stands in the file. Raises ValueError with the accepted forms."""
    if kind is Seconds:
        return parse_seconds(_spelled(value))
    if kind is Bytes:
        return parse_bytes(_spelled(value))
    raise NotImplementedError(f"no reading of {kind.__name__} is known")


def _spelled(value: Any) -> str:
    """Everything is judged as text: so signs, infinities and what is no number at all are refused by the same words."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) < LONGEST else f"{text[:LONGEST]}..."
