"""Instants as options take them: `2026-11-22T09:00:00Z`, or a day, which is its first moment in UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from datetime import datetime


def instant_of(text: str, option: str) -> datetime:
    """In UTC. Raises typer.BadParameter, which names the option."""
    from qx.compliance.dated import instant

    try:
        return instant(text, "UTC")
    except ValueError as error:
        raise typer.BadParameter(f"{error}: 2026-11-22, or 2026-11-22T09:00:00Z", param_hint=option) from error
