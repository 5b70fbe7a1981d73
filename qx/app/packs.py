"""Rule packs on disk: those that are shipped, and the user's own, which add to them or stand in their place.

    $XDG_CONFIG_HOME/qx/packs/*.yaml, then packs/*.yaml beside regions.yaml: of two with one name the later counts

A pack that was read and found sound is kept in a cache under the digest of its file, which saves reading YAML. A cache
that cannot be written is done without.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import qx.compliance
from qx.model.rules import RulePack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHIPPED = Path(qx.compliance.__file__).parent
FORM = "1"  # of what is cached; raised whenever a sound file may become another pack


def files(env: Mapping[str, str], config: Path | None) -> dict[str, Path]:
    """By name. `config`: the regions.yaml in force, if there is one."""
    places = [SHIPPED / "packs", *_own(env, config)]
    return {path.stem: path for place in places for path in sorted(place.glob("*.yaml"))}


def own_place(env: Mapping[str, str], config: Path | None) -> Path | None:
    """Where a pack is put so that it counts: beside regions.yaml, else at home; None: there is neither."""
    return next(iter(reversed(list(_own(env, config)))), None)


def _own(env: Mapping[str, str], config: Path | None) -> Iterator[Path]:
    home = under(env.get("XDG_CONFIG_HOME", ""), ".config", env)
    if home is not None:
        yield home / "packs"
    if config is not None:
        yield config.parent / "packs"


def read(path: Path, env: Mapping[str, str]) -> RulePack:
    """Raises Problems: everything that is wrong with it."""
    data = path.read_bytes()
    cache = under(env.get("XDG_CACHE_HOME", ""), ".cache", env)
    kept = None if cache is None else cache / "packs" / f"{hashlib.sha256(FORM.encode() + data).hexdigest()}.msgpack"
    if kept is not None and (found := _cached(kept)) is not None:
        return found
    from qx.compliance import lint
    from qx.config.pack import load

    pack = load(path, lint.check)
    if kept is not None:
        with contextlib.suppress(OSError):  # a home that cannot be written to: it is read again next time
            keep(kept, msgspec.msgpack.encode(pack))
    return pack


def _cached(kept: Path) -> RulePack | None:
    try:
        return msgspec.msgpack.decode(kept.read_bytes(), type=RulePack)
    except (OSError, msgspec.DecodeError):  # not there, or not whole
        return None


def keep(kept: Path, data: bytes) -> None:
    """Whole, or not at all; readable by its owner only. Raises OSError."""
    import tempfile

    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=kept.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(name).replace(kept)


def under(stated: str, default: str, env: Mapping[str, str]) -> Path | None:
    """The own directory of qx of a kind, as XDG tells it; None: there is no home."""
    home = Path(env.get("HOME", ""))
    if Path(stated).is_absolute():
        return Path(stated) / "qx"
    return home / default / "qx" if home.is_absolute() else None
