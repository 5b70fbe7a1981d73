"""JSON documents: of each noun its fields, from the struct that is written or from the keys of the mapping in the code.

What a key of a mapping means stands here, and nothing else: a key that the code does not write, or one that is written
and not described, stops the page.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import qx
from qx.model.plan import Action
from qx.model.platform import Platform
from tools.reference.document import Document
from tools.reference.markdown import anchor, code, paragraph, plain, table
from tools.reference.nouns import DOCUMENTS
from tools.reference.sources import comments, demand, doc, enums, in_words, keys_of, parts, struct_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msgspec import inspect as shapes

PACKAGE = Path(qx.__file__).parent

HEAD = """\
With `-o json` a command writes exactly one document on standard output, on errors too: the resource itself with
`schema: "qx.<noun>/1"` first. `-o ndjson` is the same on one line; with `--watch` one line per look that differs.
Instants are Unix seconds (UTC), durations seconds, sizes bytes. A key that is added does not change the number behind
the slash; one that is removed, or means something else, does. How a command ended says its [exit
code](exit-codes.md)."""


NOT_ANSWERED = {"error", "salvage", "notice"}
ELSEWHERE = {Platform: "regions-yaml.md"} | {cls: f"steps.md#{cls.__name__.lower()}" for cls in get_args(Action)}


def body() -> str:
    blocks = [HEAD, _index()]
    for noun, document in DOCUMENTS.items():
        blocks += [f"## qx.{noun}/1", f"{document.about} *From:* {document.by}.", *_fields(noun, document)]
    blocks += ["# Parts", *_parts()]
    return "\n\n".join(blocks)


def answered() -> set[str]:
    """Nouns that commands answer with, found in the code of the command line."""
    nouns: set[str] = set()
    for path in (PACKAGE / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            at = {"answer": 0, "again": 2}.get(getattr(node.func, "attr", getattr(node.func, "id", "")))
            if at is not None and len(node.args) > at and isinstance(noun := node.args[at], ast.Constant):
                nouns.add(str(noun.value))
    return nouns


def _index() -> str:
    rows = [[f"[`qx.{noun}/1`](#{anchor(f'qx.{noun}/1')})", each.by] for noun, each in DOCUMENTS.items()]
    return table(["schema", "from"], rows)


def _fields(noun: str, document: Document) -> Iterator[str]:
    written = dict.fromkeys(key for source in document.sources for key in keys_of(source))
    unlike = written.keys() ^ document.keys.keys()
    demand(not unlike, f"qx.{noun}/1: written and not described, or described and not written: {sorted(unlike)}")
    if document.struct:
        yield from _described(struct_of(document.struct))
    if document.struct and written:
        yield "Besides:"
    if written:
        yield table(["field", "meaning"], [[code(key), document.keys[key]] for key in written])


def _parts() -> Iterator[str]:
    """Every struct and every enum that documents are made of, once, by name."""
    found: dict[type, shapes.StructType] = {}
    words: set[type] = set()
    tops = {each.struct for each in DOCUMENTS.values() if each.struct}
    queue = [struct_of(cls) for each in DOCUMENTS.values() for cls in each.also]
    queue += [part for top in tops for field in struct_of(top).fields for part in parts(field.type)]
    words |= {enum for top in tops for field in struct_of(top).fields for enum in enums(field.type)}
    while queue:
        kind = queue.pop()
        if kind.cls in found or kind.cls in ELSEWHERE:
            continue
        found[kind.cls] = kind
        queue += [part for field in kind.fields for part in parts(field.type)]
        words |= {enum for field in kind.fields for enum in enums(field.type)}
    names = [cls.__name__ for cls in (*found, *words)]
    demand(len(set(names)) == len(names), "two parts of one name would have one heading")
    for cls in sorted((*found, *words), key=lambda each: each.__name__):
        yield f"## {cls.__name__}"
        yield from _described(found[cls]) if cls in found else _values(cls)


def _described(kind: shapes.StructType) -> Iterator[str]:
    yield from map(paragraph, filter(None, doc(kind.cls).split("\n\n")))
    said = comments(kind.cls)
    rows = [
        [code(field.encode_name), _type(field.type), plain(said[field.name])]
        for field in kind.fields
    ]
    if kind.tag_field and kind.tag_field != "schema":
        rows.insert(0, [code(kind.tag_field), f"`{kind.tag}`", ""])
    yield table(["field", "type", "meaning"], rows)


def _type(kind: shapes.Type) -> str:
    structs = [part.cls for part in parts(kind)]
    if len(structs) > 1 and set(structs) <= ELSEWHERE.keys():
        optional = len(structs) < len(getattr(kind, "types", structs))
        return f"an [action](steps.md#actions){' or null' if optional else ''}"
    return in_words(kind, _link)


def _values(enum: Any) -> Iterator[str]:
    yield from map(paragraph, filter(None, doc(enum).split("\n\n")))
    said = comments(enum)
    yield table(["value", "meaning"], [[code(str(member.value)), plain(said[member.name])] for member in enum])


def _link(cls: type) -> str:
    name = cls.__name__
    if cls in ELSEWHERE:
        return f"[{name}]({ELSEWHERE[cls]})"
    noun = next((noun for noun, each in DOCUMENTS.items() if each.struct is cls and noun in {"plan", "run"}), None)
    return f"[{name}](#{anchor(f'qx.{noun}/1')})" if noun else f"[{name}](#{name.lower()})"
