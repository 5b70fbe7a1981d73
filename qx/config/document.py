"""A file's values and where each of them stands.

Invariant: a source line that an error may show never shows a password.
"""

from __future__ import annotations

import re
from typing import Any

from qx.kernel.errors import Place, QxError

Trail = tuple[str | int, ...]
"""The keys and indexes that lead from the root to a value."""

At = tuple[int, int]
"""Line and column, 1-based."""


class Node:
    """A value and where it begins. `children` and `keys` (where the keys stand) are of collections only."""

    __slots__ = ("at", "children", "keys", "size", "value")

    def __init__(self, value: Any, at: At) -> None:
        self.value = value
        self.at = at
        self.size = 1  # values in it, itself and those behind aliases included
        self.children: dict[str | int, Node] = {}
        self.keys: dict[str | int, At] = {}


class Document:
    """`tree` holds plain values. `problems`: what is wrong with the text but did not stop the reading."""

    def __init__(self, file: str, lines: list[str]) -> None:
        self.file = file
        self.lines = lines
        self.root = Node(None, (1, 1))
        self.problems: list[QxError] = []

    @property
    def tree(self) -> Any:
        return self.root.value

    def at(self, at: At) -> Place:
        line, column = at
        text = self.lines[line - 1] if 0 < line <= len(self.lines) else ""
        return Place(self.file, line, column, veiled(text))

    def place(self, trail: Trail) -> Place:
        """Of the value; of its key when it is empty or begins on another line; of its holder when it is missing."""
        node, at = self.root, self.root.at
        for step in trail:
            child = node.children.get(step)
            if child is None:
                break
            key = node.keys.get(step)
            beside = key is None or (child.at[0] == key[0] and child.value is not None)
            at = child.at if key is None or beside else key
            node = child
        return self.at(at)

    def key(self, trail: Trail) -> Place:
        """Of the key that ends the trail; where there is none, as `place`."""
        holder = self.node(trail[:-1])
        key = holder.keys.get(trail[-1]) if holder and trail else None
        return self.at(key) if key else self.place(trail)

    def node(self, trail: Trail) -> Node | None:
        node: Node | None = self.root
        for step in trail:
            node = node.children.get(step) if node else None
        return node


def dotted(trail: Trail) -> str:
    """`clusters.trading.nodes`, `approvals[0].id`."""
    text = ""
    for step in trail:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


_INLINE_IN_URL = r"""(://[^\s/:@'"]*:)[^\s'"]*(?=@)"""
_INLINE_BY_KEY = r"""(?ix) (\b[\w-]*(?:pas+w|pwd|secret|token|authori[sz]ation)[\w-]* ["']?\s*[:=]\s*)
                     (?!["']?(?:env|file|cmd|keyring):) (?: "(?:[^"\\]|\\.)*" | '[^']*' | \S.* )"""
_HOOK = r"""(://hooks\.[^\s/'"]+/)[^\s'"]+"""  # an address that lets whoever knows it post


def veiled(line: str) -> str:
    """The line with the values of inline passwords replaced by ***; references stay."""
    for secret in (_INLINE_IN_URL, _HOOK, _INLINE_BY_KEY):
        line = re.sub(secret, r"\1***", line)
    return line
