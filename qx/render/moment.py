"""Instants as people read them: UTC, to the second."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(at: float | None) -> str:
    """`2026-03-01 03:00:07Z`; '' for None."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
