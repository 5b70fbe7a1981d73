"""Screening: names and identifiers held against dated sanctions lists. Pure."""

from __future__ import annotations

from qx.compliance.screening.lists import Lists
from qx.compliance.screening.screen import Match, Screened, screen

__all__ = ["Lists", "Match", "Screened", "screen"]
