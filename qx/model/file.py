"""File: the base of everything that stands in a file that people write."""

from __future__ import annotations

from msgspec import Struct


class File(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown keys are errors."""
