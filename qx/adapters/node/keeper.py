"""Keeper: the directory that a salvage fills, and the list of what stands there with digests."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import msgspec

from qx.adapters.node import files

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"


class Keeper:
    """Where things are kept, and the list of what is."""

    def __init__(self, into: Path) -> None:
        into.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.into = into
        self.files: list[dict[str, Any]] = []
        self.notes: list[str] = []

    def copy(self, source: Path, name: str) -> None:
        target = self.into / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(source, target)
        self.add(target)

    def add(self, path: Path) -> None:
        path.chmod(0o600)
        name = str(path.relative_to(self.into))
        self.files.append({"path": name, "bytes": path.stat().st_size, "sha256": files.sha256(path)})

    def write_manifest(self, manifest: dict[str, Any]) -> dict[str, Any]:
        data = msgspec.json.format(msgspec.json.encode(manifest))
        files.replace(self.into / MANIFEST, data, like=self.into)
        return manifest
