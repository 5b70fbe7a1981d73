"""Source: what kind of file it is, and where its rows can be parted, so that any process can read any part.

A file of lines is parted at line ends; one of CSV at those that stand outside quotes. A JSON array is written out as
lines first, standard input as a file, both under a temporary directory.
"""

from __future__ import annotations

import re
import shutil
from itertools import count
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from qx.kernel.errors import QxError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import TextIO

    from qx.model.batch import Form

BLOCK = 31 << 20  # bytes that are read at a time; from 32 on glibc gives them back, and each page is faulted in anew
LONGEST = 16 << 20  # bytes of a line
MOST_ROWS = 32_768  # of a block: what is done once for each value of a block is done for more rows
HEAD = 1 << 16  # bytes that tell what a file is
BOM = b"\xef\xbb\xbf"
WIDE = (b"\xff\xfe", b"\xfe\xff")  # UTF-16 and UTF-32
SUFFIXES: dict[str, Form] = {
    ".ndjson": "ndjson", ".jsonl": "ndjson", ".csv": "csv", ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
_WORDS = re.compile(rb'[\s"]*[A-Za-z][\w.]*[\s"]*(?:[,\r\n]|\Z)')
# To the next bracket outside a text, or comma of the array itself. Possessive: it never goes back.
_BRACKET = re.compile(rb'[^{}\[\]"]*+(?:"(?:[^"\\]|\\.)*+"[^{}\[\]"]*+)*+([{}\[\]])', re.DOTALL)
_OF_ARRAY = re.compile(rb'[^,{}\[\]"]*+(?:"(?:[^"\\]|\\.)*+"[^,{}\[\]"]*+)*+([,{}\[\]])', re.DOTALL)


class Block(NamedTuple):
    """Whole lines. `line`: the number of the first. `endless`: one line that is too long."""

    offset: int
    size: int
    line: int
    endless: bool = False


def spooled(stdin: TextIO, into: Path) -> None:
    raw = getattr(stdin, "buffer", None)
    with into.open("wb") as file:
        if raw is not None:
            shutil.copyfileobj(raw, file, 1 << 20)
        else:
            file.write(stdin.read().encode("utf-8", "surrogatepass"))


def form_of(file: BinaryIO, name: str) -> Form | None:
    """By its name, else by how it begins; None: one JSON object, or nothing that is known. Raises QX-TXN-001."""
    head = file.read(HEAD)
    if head.startswith(WIDE):
        raise QxError("QX-TXN-001", f"{name} is UTF-16", hint="UTF-8 is wanted: iconv -f UTF-16 -t UTF-8")
    dot = name.rfind(".")
    form = SUFFIXES.get(name[dot:].lower()) if dot >= 0 else None
    if form is not None:
        return form
    if head.startswith(b"PAR1"):
        return "parquet"
    text = head.removeprefix(BOM).lstrip()
    if text.startswith(b"["):
        return "json"
    if text.startswith(b"{"):
        first, _, rest = text.partition(b"\n")
        return "ndjson" if rest.lstrip() and (rest.startswith(b"{") or _whole(first)) else None
    return "csv" if _WORDS.match(text) and b"," in text.partition(b"\n")[0] else None


def _whole(line: bytes) -> bool:
    import msgspec

    try:
        msgspec.json.Decoder(float_hook=str).decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def blocks(file: BinaryIO, *, offset: int = 0, line: int = 1, quoted: bool = False) -> Iterator[Block]:
    """From `offset` on. `quoted`: line ends within quotes are none."""
    while True:
        file.seek(offset)
        data = file.read(BLOCK)
        if not data:
            return
        size, lines = _end(data, quoted=quoted)
        while not size and len(data) <= LONGEST and (more := file.read(BLOCK)):
            data += more
            size, lines = _end(data, quoted=quoted)
        if not size and len(data) > LONGEST:
            size, lines = _end(data, quoted=False)  # quotes that do not pair: their rows are told one by one
            if not size:
                size = len(data) + _rest_of_line(file)
                yield Block(offset, size, line, endless=True)
                offset, line = offset + size, line + 1
                continue
        size = size or len(data)
        yield Block(offset, size, line)
        line += lines
        offset += size


def _end(data: bytes, *, quoted: bool) -> tuple[int, int]:
    """(after the last line that is whole, how many lines end before): no more than MOST_ROWS; 0: there is none."""
    import numpy as np

    from qx.app.batch.scan import line_ends

    last = data.rfind(b"\n") + 1
    lines = line_ends(data, last)
    if not last or (not quoted and lines <= MOST_ROWS):
        return last, lines
    there = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(there == ord("\n"))
    if quoted and b'"' in data:
        quotes = np.flatnonzero(there == ord('"'))
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
    end = int(ends[:MOST_ROWS][-1]) + 1 if len(ends) else 0
    return end, line_ends(data, end)


def _rest_of_line(file: BinaryIO) -> int:
    size = 0
    while data := file.read(BLOCK):
        end = data.find(b"\n") + 1
        if end:
            return size + end
        size += len(data)
    return size


def unrolled(array: BinaryIO, lines: BinaryIO, name: str) -> int:
    """Each item of a JSON array as a line; how many. An item keeps its faults: they are told when it is read. Raises
    QX-TXN-001 where the array does not end, or something follows it.
    """
    data = array.read(BLOCK).removeprefix(BOM).lstrip()[1:]
    depth, begin, at = 1, 0, 0
    for number in count():
        while True:
            found = (_OF_ARRAY if depth == 1 else _BRACKET).match(data, at)
            if found is None:
                more = array.read(BLOCK)
                if not more or len(data) - begin > LONGEST:
                    said = f"{name}: the array does not end after item {number}"
                    raise QxError("QX-TXN-001", said, hint="is the file whole?")
                data, at, begin = data[begin:] + more, at - begin, 0
                continue
            at, mark = found.end(), found[1]
            if depth == 1 and mark in b",]":
                break
            depth = max(1, depth + (1 if mark in b"{[" else -1))
        item = data[begin : at - 1].strip()
        if mark == b"]" and not item and not number:
            raise QxError("QX-TXN-001", f"{name} holds no transaction", hint="an array of objects")
        lines.write((item or b",").replace(b"\n", b"\r") + b"\n")
        begin = at
        if mark == b"]":
            if (data[at:] + array.read()).strip():
                raise QxError("QX-TXN-001", f"{name}: something follows the array", hint="one array, or NDJSON")
            return number + 1
    raise AssertionError
