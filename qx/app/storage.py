"""Where the store stands, and opening it: `store.path` of regions.yaml, else a file per platform in the
state directory.

Everybody who acts on a platform from this machine must come to the same file: that is what the lease is worth. So a
path that depends on where the shell happens to stand is refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.model.platform import Platform
    from qx.ports.store import Store


def open_store(platform: Platform, env: Mapping[str, str]) -> Store:
    """The platform's store, made on first use. Raises QX-STORE-005 with the path."""
    from qx.adapters.sqlite.store import SqliteStore

    return SqliteStore(store_path(platform, env))


def store_path(platform: Platform, env: Mapping[str, str]) -> Path:
    """Absolute. Raises QX-STORE-005 when it would not be."""
    stated = platform.store.path
    if not stated:
        return state_directory(env) / f"{quote(platform.platform, safe=' ')}.db"
    path = _home(env) / stated[2:] if stated.startswith("~/") else Path(stated)
    if not path.is_absolute():
        hint = "Write an absolute path, or ~/...: every qx must find the same store, wherever it is called."
        raise QxError("QX-STORE-005", f"store.path is relative: {stated}", hint=hint)
    return path


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
