"""Markdown: tables and code spans whose text cannot break out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are markdown already; bars and line breaks in them are escaped here."""
    body = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in row)} |" for row in body)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(text: str) -> str:
    """A code span; '' stays ''."""
    fence = "``" if "`" in text else "`"
    return f"{fence}{text}{fence}" if text else ""


def plain(text: str) -> str:
    """Words of the code as prose: outside of code spans no angle bracket opens a tag, no star emphasises."""
    spans = text.split("`")
    spans[::2] = [part.replace("<", "&lt;").replace("*", "\\*") for part in spans[::2]]
    return "`".join(spans)


def paragraph(text: str) -> str:
    """The lines of one paragraph of a docstring as one."""
    return plain(" ".join(text.split()))


def anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")
