"""Progress: the engine tells, shells show. All methods do nothing unless overridden."""

from __future__ import annotations

from typing import Protocol

from qx.model.journal import Entry
from qx.model.plan import Plan


class Reporter(Protocol):
    def began(self, plan: Plan, run: str) -> None: ...

    def wrote(self, entry: Entry) -> None:
        """After each journal entry is durable."""
