"""Writes docs/reference, or the folder that is named, and says what changed."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.reference import pages

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def write(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = pages()
    for path in sorted(folder.glob("*.*")):
        if path.name not in made:
            path.unlink()
            print(f"removed {path}")
    for name, text in made.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path}")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
