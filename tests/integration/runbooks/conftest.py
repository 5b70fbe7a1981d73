"""Books: runbooks run by an operator on the lab, and by a second one who approves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures_lab import ended, wait

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.fixtures_lab import Said, Site

SECOND = {"SUDO_USER": "second"}  # who root is, to qx: another person


class Books:
    def __init__(self, site: Site) -> None:
        self.site = site

    def write(self, name: str, text: str) -> None:
        """Beside the lab's regions.yaml."""
        directory = self.place()
        directory.mkdir(exist_ok=True)
        (directory / f"{name}.yaml").write_text(text)

    def place(self) -> Path:
        return self.site.directory / "runbooks"

    def words(self, name: str, inputs: dict[str, Any]) -> tuple[str, ...]:
        given = [word for key, value in inputs.items() for word in ("--input", f"{key}={value}")]
        return ("runbook", "run", name, *given, "--yes")

    def run(self, name: str, /, **inputs: Any) -> Said:
        return self.site.qx(*self.words(name, inputs), timeout=240)

    def start(self, name: str, /, fault: str = "", **inputs: Any) -> subprocess.Popen[str]:
        return self.site.start(*self.words(name, inputs), fault=fault)

    def outcomes(self, run: str) -> dict[str, str]:
        """Step -> the last that the journal says of it."""
        return {e.step: e.outcome.value for e in self.site.entries(run) if e.step and e.outcome}

    def proof(self, run: str, step: str) -> dict[str, Any]:
        return next(e.proof for e in reversed(self.site.entries(run)) if e.step == step and e.outcome)

    def approve(self, run: str = "") -> Said:
        """By the second operator, once something waits."""
        waits: dict[str, Any] = {}

        def asked() -> bool:
            found = self.site.ok("approve")["requests"]
            waits.update(next((r["request"] for r in found if not run or r["request"]["run"] == run), {}))
            return bool(waits)

        wait(asked, "a run to wait for an approval")
        return ended(self.site.spawn("approve", waits["run"], "--reason", "seen", "-o", "json", env=SECOND))


@pytest.fixture
def books(site: Site) -> Books:
    return Books(site)
