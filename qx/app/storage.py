"""Where the state stands: `store.path` of regions.yaml, else a file per platform in the state directory.

Everybody who acts on a platform from this machine must come to the same file: that is what the lease is worth. So a
relative path is meant from the directory of regions.yaml, never from where the shell happens to stand.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.model.platform import Platform


def store_path(platform: Platform, file: Path, env: Mapping[str, str]) -> Path:
    """Absolute. `file`: the regions.yaml in force. Raises QX-STORE-005 when no home is known and one is needed."""
    if platform.store.path:
        return beside(file, platform.store.path, env)
    return state_directory(env) / f"{quote(platform.platform, safe=' ')}.db"


def beside(file: Path, path: str, env: Mapping[str, str]) -> Path:
    """A path that stands in `file`: absolute, `~/...`, or meant from the file's own directory."""
    if path.startswith("~/"):
        return _home(env) / path[2:]
    return file.parent.absolute() / path


def state_directory(env: Mapping[str, str]) -> Path:
    """$XDG_STATE_HOME/qx, else ~/.local/state/qx."""
    stated = Path(env.get("XDG_STATE_HOME", ""))
    if stated.is_absolute():  # the XDG specification: a relative path is to be ignored
        return stated / "qx"
    return _home(env) / ".local" / "state" / "qx"


def _home(env: Mapping[str, str]) -> Path:
    home = Path(env.get("HOME", ""))
    if not home.is_absolute():
        hint = "Set HOME, XDG_STATE_HOME, or an absolute store.path in regions.yaml."
        raise QxError("QX-STORE-005", "no place for the store: HOME is not set", hint=hint)
    return home
