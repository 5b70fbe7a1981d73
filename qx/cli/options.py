"""The flags that commands share: one spelling, one meaning, before or after the sub-command.

Two kinds. *Universal* flags (`-o`, `--config`, `--no-color`, `-q`, `-v`) are accepted by every command and reach it
inside its `Shell`. *Situational* flags (`--dry-run`, `--yes`, `--confirm`, `--timeout`, `--watch`) are taken by those
commands that name them as parameters (`dry_run: DryRun = False`); any other command refuses them, so that
`qx --dry-run lab up` cannot be mistaken for a rehearsal.

A flag in front of the sub-command is moved behind it before that command is parsed (`hoisted`): there is one place
where it is checked, and the later of two wins.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, cast

import typer

from qx.cli.index import INDEX
from qx.kernel.spans import Seconds, parse_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer.core import TyperOption

Output = Literal["table", "json", "ndjson"]

WATCH_EVERY = "2s"
VALUED = frozenset({"--output", "-o", "--config", "--confirm", "--timeout"})  # shared flags that take the next word


def duration(text: str) -> Seconds:
    try:
        return parse_seconds(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


OutputFlag = Annotated[Output, typer.Option("--output", "-o", metavar="FORM", help="table, json or ndjson.")]
ConfigFlag = Annotated[
    str | None,
    typer.Option("--config", metavar="FILE", show_default=False,
                 help="The regions.yaml to use. [$QX_CONFIG, ./regions.yaml, user directory]"),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colours.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No talk on stderr but errors.")]
Verbose = Annotated[int, typer.Option("--verbose", "-v", count=True, show_default=False, help="More talk on stderr.")]

DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan, do nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Consent without being asked.")]
Confirm = Annotated[
    str | None,
    typer.Option("--confirm", metavar="REGION", show_default=False,
                 help="Consent to a severe plan, by the region's name."),
]
Timeout = Annotated[
    Seconds | None,
    typer.Option("--timeout", parser=duration, metavar="DURATION", show_default=False,
                 help="Stop waiting after this long (90s, 5m)."),
]
Watch = Annotated[
    Seconds | None,
    typer.Option("--watch", parser=duration, metavar="[=SECONDS]", show_default=False,
                 help=f"Again and again, until Ctrl-C. [every {WATCH_EVERY}]"),
]


class Universal(NamedTuple):
    """The values of the universal flags."""

    output: str = "table"  # a command may declare forms of its own
    config: str | None = None
    no_color: bool = False
    quiet: bool = False
    verbose: int = 0


def _universal(
    output: OutputFlag = "table",
    config: ConfigFlag = None,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None: ...


def _situational(
    dry_run: DryRun = False,
    yes: Yes = False,
    confirm: Confirm = None,
    timeout: Timeout = None,
    watch: Watch = None,
) -> None: ...


def universal_flags() -> list[TyperOption]:
    return _options_of(_universal)


def shared_flags() -> list[TyperOption]:
    return [*universal_flags(), *_options_of(_situational)]


def _options_of(signature: object) -> list[TyperOption]:
    app = typer.Typer(add_completion=False)
    app.command()(signature)  # type: ignore[type-var]
    return cast("list[TyperOption]", typer.main.get_command(app).params)


def spelled(option: TyperOption, raw: object) -> list[str]:
    """The tokens that would make the parser read `raw` for `option` again (True, a count, or a text)."""
    name = max(option.opts, key=len)
    if raw is True:
        return [name]
    if isinstance(raw, int):
        return [name] * raw
    return [f"{name}={raw}"]


_WATCH_VALUE = re.compile(r"[\d.]+(ms|s|m|h)?")


def with_watch_values(argv: Sequence[str]) -> list[str]:
    """`--watch` may stand alone: give it its value, so that it never swallows the word after it."""
    words, given = list(argv), list[str]()
    while words:
        word = words.pop(0)
        if word == "--":
            return [*given, word, *words]
        if word == "--watch":
            every = words.pop(0) if words and _WATCH_VALUE.fullmatch(words[0]) else WATCH_EVERY
            word = f"--watch={every}"
        given.append(word)
    return given


def asked(argv: Sequence[str]) -> str:
    """The command that is meant when the line as a whole cannot be parsed; '' where none can be told."""
    words = list(argv)
    while words:
        word = words.pop(0)
        if word in VALUED:
            words = words[1:]
        elif word in INDEX:
            return word
    return ""


def foreseen(argv: Sequence[str]) -> Universal:
    """The universal flags as far as they can be told when the command line as a whole cannot be parsed."""
    found, words = Universal(), list(argv)
    while words and (word := words.pop(0)) != "--":
        name, joined, value = word.partition("=")
        if name in {"--output", "-o"} and (joined or words):
            value = value if joined else words.pop(0)
        elif word.startswith("-o"):
            name, value = "-o", word[2:]
        if name in {"--output", "-o"} and value in {"table", "json", "ndjson"}:
            found = found._replace(output=value)
        elif word == "--no-color":
            found = found._replace(no_color=True)
        elif word == "--verbose" or (word[:1] == "-" and word[1:2] != "-" and set(word[1:]) == {"v"}):
            found = found._replace(verbose=found.verbose + 1)
    return found
