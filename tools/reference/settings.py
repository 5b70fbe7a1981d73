"""Every setting of regions.yaml, from the model: its form from the type, its meaning from the comment beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import inspect as shapes

from qx.adapters.node.agent import NodeSettings
from qx.config.forms import SCHEMES
from qx.config.reference import FORMS
from qx.model.platform import LocalControl, Platform
from tools.reference.markdown import anchor, code, paragraph, plain, table
from tools.reference.sources import comments, default_of, demand, doc, in_words, parts, struct_of

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMED = {"regions": "REGION", "clusters": "CLUSTER", "nodes": "REGION", "via": "REGION"}  # for the keys of a mapping
HEAD = f"""\
Looked for in this order: `--config FILE`, `$QX_CONFIG`, `./regions.yaml`, `$XDG_CONFIG_HOME/qx/regions.yaml` or
`~/.config/qx/regions.yaml`. `qx config init` writes a commented one, `qx config check` lists every error with its line,
`qx config show --origin` says which value is in force and why, `qx config schema` is for editors.

- **duration**: `250ms`, `30s`, `1m30s`, `5m`, `2h`, `1d`; a bare number is seconds.
- **size**: `512`, `64KiB`, `1MiB`, `10MB`, `1GiB`; a bare number is bytes.
- **secret reference**: {', '.join(f'`{form}`' for form in FORMS.split(', '))}.
  A password itself is refused, in a URL too.
- **names** of regions and clusters: lower case letters, digits, `-` and `_` between them; at most 48.
- **url**: of a PostgreSQL node `{SCHEMES['postgresql'][1]}`, of a Redis node `{SCHEMES['redis'][1]}`
  (`rediss://` for TLS), of an endpoint `{SCHEMES['endpoint'][1].replace(', ', '` or `')}`."""
AGENT = """\
The file that `qx node --settings FILE` reads beside a server has these keys at its top level; `driver` may be left out,
and two more are known:"""


def body() -> str:
    blocks = [HEAD]
    for path, kind in sections():
        blocks += [f"## {path}", *_described(kind)]
        if kind.cls is LocalControl:
            blocks += [AGENT, _table(struct_of(NodeSettings), {"cluster", "region"})]
    return "\n\n".join(blocks)


def sections() -> Iterator[tuple[str, shapes.StructType]]:
    """Heading and struct, in the order of the file."""
    yield "top level", struct_of(Platform)
    yield from _below(struct_of(Platform), "")


def _below(kind: shapes.StructType, path: str) -> Iterator[tuple[str, shapes.StructType]]:
    for field in kind.fields:
        at = f"{path}.{field.encode_name}" if path else field.encode_name
        if isinstance(field.type, shapes.DictType):
            at += f".{NAMED.get(field.encode_name, 'NAME')}"
        elif isinstance(field.type, shapes.VarTupleType):
            at += "[]"
        for part in parts(field.type):
            yield _heading(at, part), part
            yield from _below(part, at)


def _heading(path: str, kind: shapes.StructType) -> str:
    return f"{path} ({kind.tag_field}: {kind.tag})" if kind.tag_field else path


def _described(kind: shapes.StructType) -> Iterator[str]:
    if text := doc(kind.cls):
        yield from map(paragraph, text.split("\n\n"))
    yield _table(kind, None)


def _table(kind: shapes.StructType, only: set[str] | None) -> str:
    links = {part.cls: f"[below](#{anchor(path)})" for path, part in sections()}
    said = comments(kind.cls)
    rows = []
    if kind.tag_field and not only:
        rows.append([code(kind.tag_field), f"`{kind.tag}`", "required", "which kind this is"])
    for field in kind.fields:
        if only and field.encode_name not in only:
            continue
        demand(said[field.name], f"{kind.cls.__name__}.{field.name}: a comment beside it says what it is")
        form = in_words(field.type, lambda cls: links[cls])
        rows.append([code(field.encode_name), form, default_of(field), plain(said[field.name])])
    return table(["key", "form", "default", "meaning"], rows)
