"""The catalogue of error codes, by family."""

from __future__ import annotations

import re

from qx.kernel import codes
from tools.reference.markdown import code, plain, table
from tools.reference.sources import Undescribed

HEAD = """\
A code is never reused and never changes its meaning. `qx explain CODE` says the same offline. HTTP is the status
that a code has where it is told over HTTP; nothing of this release does that."""


def families() -> dict[str, str]:
    """`CFG` -> `configuration`, as the catalogue's docstring names them."""
    listed = re.search(r"Families: (.+?)\.\s*$", codes.__doc__ or "", re.DOTALL)
    if listed is None:
        raise Undescribed("qx.kernel.codes names its families in its docstring")
    pairs = (word.split(maxsplit=1) for word in " ".join(listed[1].split()).split(", "))
    return {family: meaning for family, meaning in pairs}  # noqa: C416 - split gives lists


def body() -> str:
    blocks = [HEAD]
    for family, meaning in families().items():
        mine = {name: entry for name, entry in codes.CODES.items() if name.split("-")[1] == family}
        rows = [
            [f'<a id="{name.lower()}"></a>{code(name)}', code(str(int(entry.exit))), code(str(entry.http)),
             plain(entry.summary), plain(entry.remedy)]
            for name, entry in sorted(mine.items())
        ]
        blocks += [f"## {family}: {meaning}", table(["code", "exit", "HTTP", "meaning", "what makes it pass"], rows)]
    return "\n\n".join(blocks)
