"""Where runbooks are: beside regions.yaml, then in the user directory, then those that come with qx.

A name that stands in an earlier place hides the one of a later place. Pure but for asking what files there are.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qx.config.find import user_file
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

SHIPPED = Path(__file__).parent.parent / "runbooks"


class Standing(NamedTuple):
    """A runbook's file. `why`: `beside regions.yaml`, `user directory`, `shipped` or `argument`."""

    name: str
    path: Path
    why: str


def standing(config: Path | None, env: Mapping[str, str]) -> dict[str, Standing]:
    """By name. `config`: the regions.yaml in force, if there is one."""
    places = [(config.parent / "runbooks", "beside regions.yaml")] if config else []
    places += [(file.parent / "runbooks", "user directory") for file in user_file(env)]
    found: dict[str, Standing] = {}
    for directory, why in [*places, (SHIPPED, "shipped")]:
        for path in sorted(directory.glob("*.yaml")) if directory.is_dir() else ():
            found.setdefault(path.stem, Standing(path.stem, path, why))
    return dict(sorted(found.items()))


def named(word: str, config: Path | None, env: Mapping[str, str]) -> Standing:
    """By name, or the path of a file. Raises QX-BOOK-001."""
    if word.endswith((".yaml", ".yml")) or "/" in word:
        path = Path(word)
        if not path.is_file():
            raise QxError("QX-BOOK-001", f"no runbook at {path}", hint="name a file that exists, or a name of the list")
        return Standing(path.stem, path, "argument")
    found = standing(config, env)
    if word not in found:
        raise QxError("QX-BOOK-001", f"no runbook '{word}'", hint=did_you_mean(word, found))
    return found[word]
