"""Writes examples/, or the folder that is named."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.energy_book import files

FOLDER = Path(__file__).parents[2] / "examples"


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
