"""YAML text -> plain values and their places. The only module that knows a YAML library.

Invariants:
- Plain scalars follow YAML 1.2's core schema: `no`, `on`, `12:30` and dates are text, not booleans, numbers and dates.
- What is read is bounded: depth, and the number of values once every alias is written out.
It must never build anything but None, bool, int, float, str, list and dict: tags and merge keys are refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

from qx.config.document import At, Document, Node
from qx.kernel.errors import Problems, QxError

if TYPE_CHECKING:
    from collections.abc import Iterable

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MAX_DEPTH = 32
MAX_VALUES = 50_000

_FORBIDDEN = "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"

_HELP = (  # words of the YAML library -> what a person would do
    ("mapping values are not allowed", "quote a value that holds ': ', and check the indentation here and above"),
    ("cannot start any token", "indent with spaces, not tabs, and quote a value that begins with @, ` or %"),
    ("tab character", "indent with spaces, not tabs"),
    ("never closed", "close it"),
    ("did not find expected ',' or", "close the bracket, put a comma between items, or quote a value that holds ': '"),
    ("did not find expected", "check the indentation of this line and of the one above"),
    ("could not find expected ':'", "write `key: value`, with a space after the colon"),
    ("", "check the indentation, quotes and brackets here and above"),
)


def compose(data: bytes, file: str) -> Document:
    """The document of a file's bytes; its `problems` hold the keys that stand twice (QX-CFG-007).

    Raises Problems, ended by a QX-CFG-002, when it cannot be read to its end.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        broken = Document(file, data.decode("utf-8-sig", "replace").splitlines())
        place = broken.at(_end_of(data[: error.start].decode("utf-8-sig", "replace")))
        message = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        raise Problems([QxError("QX-CFG-002", message, hint="save the file as UTF-8", place=place)]) from error
    document = Document(file, text.splitlines())
    reading = _Reading(document)
    try:
        bad = re.search(_FORBIDDEN, text)
        if bad:
            code = f"U+{ord(bad.group()):04X}"
            reading.stop(f"the control character {code} may not stand here", "remove it", _end_of(text[: bad.start()]))
        reading.take(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        raise Problems([*document.problems, _syntax(document, error)]) from error
    except QxError as error:
        raise Problems([*document.problems, error]) from error
    return document


def _end_of(text: str) -> At:
    """Where the character after `text` stands."""
    lines = (text + "\0").splitlines()
    return len(lines), len(lines[-1])


def _syntax(document: Document, error: yaml.MarkedYAMLError) -> QxError:
    begun, words = error.context_mark, error.problem or "it cannot be read"
    context = f", {error.context} that begins in line {begun.line + 1}" if error.context and begun else ""
    mark = error.problem_mark or begun
    if begun and "quoted scalar" in context and "unexpected end" in words:
        mark, context, words = begun, "", "the quote that opens here is never closed"
    at = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    if at[0] > len(document.lines) > 0:  # the end of the file, behind its last line
        at = len(document.lines), len(document.lines[-1]) + 1
    words = words.replace("<block end>", "the end of the block")
    hint = next(advice for part, advice in _HELP if part in words)
    return QxError("QX-CFG-002", f"not valid YAML{context}: {words}", hint=hint, place=document.at(at))


class _Reading:
    """Folds the parser's events into the document's nodes, without recursion."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.anchors: dict[str, Node | None] = {}  # None while the anchored collection is still open
        self.open: list[tuple[Node, str | None]] = []  # the collections around, and their anchors
        self.key: list[tuple[str, At] | None] = []  # per open collection: the key that waits for its value
        self.begun = False

    def stop(self, message: str, hint: str, at: At) -> NoReturn:
        raise QxError("QX-CFG-002", message, hint=hint, place=self.document.at(at))

    def take(self, events: Iterable[Any]) -> None:
        for event in events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._begin(event, {} if kind is yaml.MappingStartEvent else [])
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._end()
            elif kind is yaml.AliasEvent:
                self._alias(event)
            elif kind is yaml.DocumentStartEvent:
                if self.begun:
                    self.stop("a second document begins here", "one file holds one: remove the `---`", _start(event))
                self.begun = True

    def _scalar(self, event: Any) -> None:
        at = self._untagged(event)
        if self._wants_key():
            self._key(event.value, at)
            return
        node = Node(_plain(event.value) if event.implicit[0] else event.value, at)
        if event.anchor:
            self.anchors[event.anchor] = node
        self._add(node, at)

    def _begin(self, event: Any, value: Any) -> None:
        at = self._untagged(event)
        if self._wants_key():
            self.stop("a key must be a word, not a list or a mapping", "quote what begins with [ or {", at)
        if len(self.open) == MAX_DEPTH:
            self.stop(f"nested more than {MAX_DEPTH} deep", "close the brackets that are open here", at)
        if event.anchor:
            self.anchors[event.anchor] = None
        self.open.append((Node(value, at), event.anchor))
        self.key.append(None)

    def _end(self) -> None:
        node, anchor = self.open.pop()
        self.key.pop()
        if anchor:
            self.anchors[anchor] = node
        self._add(node, node.at)

    def _alias(self, event: Any) -> None:
        at, name = _start(event), event.anchor
        if self._wants_key():
            self.stop("a key must be a word, not an alias", "write the key out", at)
        if name not in self.anchors:
            self.stop(f"the alias *{name} refers to nothing", f"define it above: &{name}", at)
        node = self.anchors[name]
        if node is None:
            self.stop(f"the alias *{name} stands inside its own anchor", "write the value out", at)
        self._add(node, at)

    def _untagged(self, event: Any) -> At:
        at = _start(event)
        if event.tag is not None and event.tag != "!":
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self.stop(f"the tag {tag} is not read here", "remove it", at)
        return at

    def _wants_key(self) -> bool:
        return bool(self.open) and isinstance(self.open[-1][0].value, dict) and self.key[-1] is None

    def _key(self, word: str, at: At) -> None:
        if word == "<<":
            self.stop("merge keys (<<) are not read here", "write the keys out, or alias the whole mapping", at)
        first = self.open[-1][0].keys.get(word)
        if first:
            message = f"the key '{word}' stands twice, first in line {first[0]}"
            place = self.document.at(at)
            self.document.problems.append(QxError("QX-CFG-007", message, hint="remove one of the two", place=place))
        self.key[-1] = (word, at)

    def _add(self, node: Node, at: At) -> None:
        if not self.open:
            self.document.root = node
            return
        holder = self.open[-1][0]
        holder.size += node.size
        if holder.size > MAX_VALUES:
            self.stop(f"more than {MAX_VALUES} values, with every alias written out", "use fewer aliases", at)
        waiting = self.key[-1]
        if waiting is None:
            holder.children[len(holder.value)] = node
            holder.value.append(node.value)
            return
        self.key[-1] = None
        word, key_at = waiting
        if word not in holder.children:  # of a key that stands twice the first counts
            holder.children[word] = node
            holder.keys[word] = key_at
            holder.value[word] = node.value


def _start(event: Any) -> At:
    return event.start_mark.line + 1, event.start_mark.column + 1


_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}
_INT = re.compile(r"[-+]?[0-9]{1,18}|0x[0-9a-fA-F]{1,15}|0o[0-7]{1,20}")
_FLOAT = re.compile(r"(?i)[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:e[-+]?[0-9]{1,4})?|[-+]?\.inf|\.nan")


def _plain(text: str) -> str | int | float | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789":
        return text
    if _INT.fullmatch(text):
        return int(text, {"0x": 16, "0o": 8}.get(text[:2], 10))
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
