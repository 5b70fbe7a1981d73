"""Which regions.yaml is in force, and why that one. Pure but for asking whether a file is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "regions.yaml"


class Found(NamedTuple):
    """A file and why it is in force: `--config`, `QX_CONFIG`, `current directory` or `user directory`."""

    path: Path
    why: str


def find(option: str | None, env: Mapping[str, str], cwd: Path) -> Found:
    """`--config`, then QX_CONFIG, then ./regions.yaml, then the user directory. Raises QX-CFG-001.

    A file that was named and is not there is an error: the search never goes on to another behind the operator's back.
    """
    for named, why in ((option, "--config"), (env.get("QX_CONFIG"), "QX_CONFIG")):
        if named:
            path = cwd / named
            if path.is_file():
                return Found(path, why)
            raise _missing(f"{why} names {path}, which {'is not a file' if path.exists() else 'does not exist'}")
    places = [(cwd / NAME, "current directory"), *((path, "user directory") for path in user_file(env))]
    for path, why in places:
        if path.is_file():
            return Found(path, why)
    raise _missing("no regions.yaml: looked for " + ", ".join(str(path) for path, _ in places))


def user_file(env: Mapping[str, str]) -> tuple[Path, ...]:
    """$XDG_CONFIG_HOME/qx/regions.yaml, else ~/.config/qx/regions.yaml; () when neither is known."""
    stated = Path(env.get("XDG_CONFIG_HOME", ""))
    if stated.is_absolute():  # the XDG specification: a relative path is to be ignored
        return (stated / "qx" / NAME,)
    home = env.get("HOME", "")
    return (Path(home) / ".config" / "qx" / NAME,) if home else ()


def _missing(message: str) -> QxError:
    hint = "`qx config init` writes a commented one; `qx lab up` starts regions on this machine and writes theirs"
    return QxError("QX-CFG-001", message, hint=hint)
