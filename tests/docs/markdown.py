"""What a Markdown page holds: its links, its headings' anchors, and the command lines that a reader would copy."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

_FENCE = re.compile(r"^( *)(```+)([a-z]*)[^\n]*\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_LINK = re.compile(r"(?<!\\)!?\[[^\]]*\]\(([^)\s]+)[^)]*\)|(?:src|srcset|href)=\"([^\"]+)\"")
_SHELLS = {"", "console", "sh", "bash", "text", "shell"}
_STARTS = re.compile(r"^(?:\$ )?(?:sudo (?:-\w+ \w+ )?)?(?:[A-Z_]+=\S+ )*(?:\S*/)?(?=(?:qx|make) )")


class Line(NamedTuple):
    """A command line as somebody would type it. `whole`: it stands in a block of its own, so nothing may be missing."""

    page: str
    text: str
    whole: bool


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """Without fenced blocks and code spans."""
    return _SPAN.sub("", _FENCE.sub("", text_of(page)))


def links(page: Path) -> list[str]:
    return [one or other for one, other in _LINK.findall(prose(page))]


def anchors(page: Path) -> set[str]:
    """Of headings, as GitHub makes them, and of `<a id=...>`."""
    text = text_of(page)
    made = set(re.findall(r'<a id="([^"]+)"', text))
    for heading in re.findall(r"^#+ +(.+)$", _FENCE.sub("", text), re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        made.add("".join(c for c in words if c.isalnum() or c in " -_").strip().replace(" ", "-"))
    return made


def _is_form(words: str) -> bool:
    """`qx COMMAND --help` is the form of a command line, not one."""
    return words.split()[1:2] != [] and words.split()[1].isupper()


def command_lines(page: Path, program: str) -> Iterator[Line]:
    """Every line of `program` in a shell block, and every code span that begins with it."""
    text, name = text_of(page), str(page.relative_to(ROOT))
    for _, _, language, body in _FENCE.findall(text):
        if language in _SHELLS:
            for line in body.replace("\\\n", " ").splitlines():
                yield from (Line(name, each, whole=True) for each in _in_block(line, program))
    for _, span in _SPAN.findall(_FENCE.sub("", text)):
        words = " ".join(span.split())
        if words.split(" ", 1)[0] == program and not _is_form(words):
            yield from (Line(name, each, whole=False) for each in alternatives(words))


def _in_block(line: str, program: str) -> Iterator[str]:
    typed = _STARTS.sub("", re.sub(r'^(\$ )?eval "\$\((.*?)\)".*$', r"\2", line.strip()))
    if typed.split(" ", 1)[0] != program:
        return
    typed = re.split(r"\s{2,}|\s#\s|\s[|>]\s|\s>>\s|\s&&\s|\s2>|;\s", typed)[0]
    yield from alternatives(typed)


def alternatives(typed: str) -> Iterator[str]:
    """`runs list|show [RUN]` is two command lines; what may be left out is taken in."""
    words = [re.sub(r"[\[\]]|\.\.\.|…", "", word) for word in typed.split()]
    choices = [word.split("|") if re.fullmatch(r"[a-z-]+(\|[a-z-]+)+", word) else [word] for word in words if word]
    yield from (" ".join(chosen) for chosen in product(*choices))
