"""A node's own configuration files, kept while its data directory becomes a copy of another node's.

Own are: *.conf at the top of the data directory, conf.d, and what TLS needs. Invariants: the copies stand
beside the data directory until all of them are back, so that an interruption loses none; copies that an
interruption left win over what stands in the data directory, which may be the other node's by then.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from qx.adapters.node import files

_OWN = (".conf", ".crt", ".key", ".pem", ".crl")
_OWN_DIRECTORY = "conf.d"


def is_own(path: Path) -> bool:
    return path.name == _OWN_DIRECTORY if path.is_dir() else path.suffix in _OWN


def keep(data_dir: Path) -> None:
    place = _place(data_dir)
    if place.exists():
        return
    fresh = files.directory(place.with_name(place.name + files.NEW), like=data_dir)
    for path in filter(is_own, data_dir.iterdir()):
        _copy(path, fresh / path.name)
    files.sync(fresh)
    fresh.rename(place)
    files.sync(place.parent)


def put_back(data_dir: Path) -> None:
    """What was kept stands in the data directory again, and is kept no longer. No error when nothing was kept."""
    place = _place(data_dir)
    if not place.exists():
        return
    for path in place.iterdir():
        files.discard(data_dir / path.name)
        _copy(path, data_dir / path.name)
    files.sync(data_dir)
    files.discard(place)


def _place(data_dir: Path) -> Path:
    return Path(f"{data_dir}.qx-own")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, copy_function=_copy_file)
    else:
        _copy_file(str(source), str(target))


def _copy_file(source: str, target: str) -> str:
    """Data, mode and owner; a link stays a link."""
    shutil.copy2(source, target, follow_symlinks=False)
    if not Path(target).is_symlink():
        files.own(Path(target), Path(source))
        files.sync(Path(target))
    return target
