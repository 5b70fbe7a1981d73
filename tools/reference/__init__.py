"""docs/reference, made from the code: `python -m tools.reference` (`make docs`) writes it, a test compares it.

Each page is a pure function of the code. What a page says that the code cannot say itself stands in a table of that
page's module, and the page fails to be made when the table and the code do not name the same things.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tools.reference import (
    codes,
    commands,
    documents,
    environment,
    exits,
    gates,
    metrics,
    picture,
    risk_files,
    settings,
    steps,
)

if TYPE_CHECKING:
    from collections.abc import Callable


class Page(NamedTuple):
    title: str
    about: str  # one line, for the list of pages
    body: Callable[[], str]


PAGES = {
    "commands": Page("Commands", "every command, its arguments and flags", commands.body),
    "exit-codes": Page("Exit codes", "what the shell learns", exits.body),
    "errors": Page("Error codes", "what each means and what makes it pass", codes.body),
    "regions-yaml": Page("regions.yaml", "every setting, its form, its default", settings.body),
    "documents": Page("JSON documents", "what `-o json` answers, field by field", documents.body),
    "gates": Page("Gates", "what may stop a plan, and what lets it pass", gates.body),
    "steps": Page("Steps", "what a run does, in which order, and how it is taken back", steps.body),
    "risk-files": Page("Files of qx risk", "portfolio, prices, factors and the others: each column", risk_files.body),
    "metrics": Page("Metrics", "what the daemon shows Prometheus", metrics.body),
    "environment": Page("Environment variables", "those that are read, and what for", environment.body),
}
NOTE = "<!-- Made by `make docs` from the code. Change the code, not this file. -->"


def pages() -> dict[str, str]:
    """File name under docs/reference -> its text."""
    made = {f"{name}.md": f"{NOTE}\n# {page.title}\n\n{page.body().strip()}\n" for name, page in PAGES.items()}
    listed = "\n".join(f"- [{page.title}]({name}.md): {page.about}" for name, page in PAGES.items())
    index = f"{NOTE}\n# Reference\n\nMade from the code by `make docs`.\n\n{listed}\n"
    return {"README.md": index, **made, "failover.svg": picture.picture()}
