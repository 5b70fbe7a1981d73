"""Files that must be there after a power cut: replaced atomically, synced with their directory, owned as
their neighbours.

Must never leave a half-written file under its real name. A guard imports this: what only others need is imported late.
"""

from __future__ import annotations

import os
from pathlib import Path

NEW = ".qx-new"


def replace(path: Path, data: bytes, like: Path) -> None:
    """`path` becomes `data`, durably. It keeps its mode (0600 when it is new) and gets the owner of `like`."""
    fresh = path.with_name(path.name + NEW)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        own(handle, like)
        os.fchmod(handle, mode)
        file.write(data)
        file.flush()
        os.fsync(handle)
    fresh.replace(path)
    sync(path.parent)


def remove(path: Path) -> None:
    """It is gone, durably; no error when it was not there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return
    sync(path.parent)


def own(target: Path | int, like: Path) -> None:
    """Gives `target` the owner of `like`, where we may: a server under another account must read its files."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(target, owner.st_uid, owner.st_gid)


def directory(path: Path, like: Path) -> Path:
    """An empty directory of mode 0700 that belongs to the owner of `like`; what stood there is removed."""
    discard(path)
    path.mkdir(mode=0o700, parents=True)
    own(path, like)
    return path


def discard(path: Path) -> None:
    """Removes a file, a link (not what it names) or a tree; no error when there is none."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        import shutil

        shutil.rmtree(path)


def sync(path: Path) -> None:
    """A file's data; a directory's entries, that is what was made, renamed or removed there."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def free_bytes(path: Path) -> int:
    """What an unprivileged account may still write there."""
    room = os.statvfs(path)
    return room.f_bavail * room.f_frsize


def size_of(path: Path) -> int:
    """Bytes of all files of a tree, links not followed."""
    return sum(
        Path(where, name).lstat().st_size for where, _, names in os.walk(path) for name in names
    )
