"""A Redis configuration file: read for what a control needs, and its `replicaof` rewritten; every other line
stays.

What `include` names is not read: a `replicaof` of ours stands at the end of the main file, where it wins.
Must never be used to change a setting of the operator's other than `replicaof`.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from qx.adapters.node import files
from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from pathlib import Path

_UPSTREAM = {"replicaof", "slaveof"}


class RedisConf:
    """The file as it stands now; directives in lower case, the last of each name with its arguments."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._text = path.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError as error:
            raise QxError("QX-NODE-006", f"{path} cannot be read: {error.strerror}",
                          hint="set control.config_file to the server's configuration file") from error
        self.values: dict[str, list[str]] = {}
        self.saves: list[str] = []  # `save ""` takes back those before it
        for line in self._text.splitlines():
            words = _words(line)
            if words:
                self.values[words[0].lower()] = words[1:]
                if words[0].lower() == "save":
                    self.saves = [*self.saves, *words[1:]] if any(words[1:]) else []

    def value(self, name: str, default: str = "") -> str:
        arguments = self.values.get(name)
        return arguments[0] if arguments else default

    @property
    def replicaof(self) -> str:
        """host:port; '' for none."""
        upstream = ""
        for name, arguments in self.values.items():
            if name in _UPSTREAM and len(arguments) == 2:
                upstream = "" if arguments[0].lower() == "no" else ":".join(arguments)
        return upstream

    @property
    def persists(self) -> bool:
        """Whether a plain shutdown keeps the data: append-only, or save points (which stand unless told not to)."""
        return self.value("appendonly", "no") == "yes" or bool(self.saves) or "save" not in self.values

    def follow(self, upstream: str) -> None:
        """Persists `replicaof` ('' for none), atomically and durably; the running server does not notice."""
        if upstream == self.replicaof:
            return
        kept = [line for line in self._text.splitlines() if (_words(line) or [""])[0].lower() not in _UPSTREAM]
        host, _, port = upstream.rpartition(":")
        added = [f"replicaof {host} {port}"] if upstream else []
        text = "".join(f"{line}\n" for line in (*kept, *added))
        try:
            files.replace(self.path, text.encode("utf-8", errors="surrogateescape"), like=self.path)
        except OSError as error:
            raise QxError("QX-NODE-006", f"{self.path} cannot be rewritten: {error.strerror}",
                          hint="the control must be able to write it and its directory") from error


def _words(line: str) -> list[str]:
    stripped = line.strip()
    if not stripped or stripped.startswith("#"):
        return []
    try:
        return shlex.split(stripped)
    except ValueError:  # Redis' own escapes; such a directive is none of ours
        return stripped.split()
