"""`--watch`: look again and again. On a terminal one live screen; otherwise one block or NDJSON line per change.

Ends with Ctrl-C, or when nobody reads any more; both are no failure.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from qx.cli.shell import Shell
    from qx.render.paint import Palette

T = TypeVar("T")


def watch(
    shell: Shell,
    every: float,
    noun: str,
    look: Callable[[], Awaitable[T]],
    text: Callable[[T, Palette, int | None], str],
    gist: Callable[[T], object],
) -> None:
    """`gist`: what must differ for a look to be worth a new block where no screen can be redrawn."""
    live = shell.flags.output == "table" and shell.streams.stdout.isatty()
    watching = _live(shell, every, look, text) if live else _blocks(shell, every, noun, look, text, gist)
    with suppress(KeyboardInterrupt):
        asyncio.run(watching)


async def _live(
    shell: Shell, every: float, look: Callable[[], Awaitable[T]], text: Callable[[T, Palette, int | None], str]
) -> None:
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    streams = shell.streams
    palette = streams.palette(streams.stdout, no_color=shell.flags.no_color)
    console = Console(file=streams.stdout, no_color=not palette.colour, highlight=False, soft_wrap=False)
    shell.answered = True
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while not streams.reader_gone:
            seen = text(await look(), palette, streams.width)
            live.update(Text.from_ansi(f"{seen}\n\nevery {every:g} s, Ctrl-C ends"), refresh=True)
            await asyncio.sleep(every)


def _block(
    text: Callable[[T, Palette, int | None], str], seen: T
) -> Callable[[Palette, int | None], str]:
    return lambda palette, width: f"{text(seen, palette, width)}\n"


async def _blocks(
    shell: Shell,
    every: float,
    noun: str,
    look: Callable[[], Awaitable[T]],
    text: Callable[[T, Palette, int | None], str],
    gist: Callable[[T], object],
) -> None:
    told: object = None
    while not shell.streams.reader_gone:
        seen = await look()
        if (now := gist(seen)) != told:
            told = now
            shell.answer(noun, seen, _block(text, seen))
        await asyncio.sleep(every)
