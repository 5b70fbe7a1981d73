"""What a command is given: how to answer, how to talk, and the universal flags.

A command never prints. It answers with a value and its text; which of the two is shown is the reader's choice (`-o`).
With `-o json` a command answers exactly once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from qx.cli.options import Universal
    from qx.cli.streams import Streams
    from qx.render.paint import Palette


class Shell:
    """`ctx.obj` of every command."""

    def __init__(self, streams: Streams, flags: Universal) -> None:
        self.streams = streams
        self.flags = flags
        self.answered = False

    @property
    def env(self) -> Mapping[str, str]:
        return self.streams.env

    @property
    def config(self) -> str | None:
        """The value of --config, not yet looked for anywhere else."""
        return self.flags.config

    def answer(self, noun: str, value: object, text: Callable[[Palette, int | None], str]) -> None:
        """The command's answer: `value` as a document of schema `qx.<noun>/1`, or else `text(palette, width)`.

        Called once per command; `--watch` calls it once per look, as lines of NDJSON or as text.
        """
        streams = self.streams
        self.answered = True
        if self.flags.output not in {"json", "ndjson"}:
            streams.data(text(streams.palette(streams.stdout, no_color=self.flags.no_color), streams.width))
            return
        from qx.render import encode

        document = encode.document(noun, value)
        streams.data(encode.json_text(document) if self.flags.output == "json" else encode.json_line(document))

    def say(self, text: str) -> None:
        """Talk to the person, on stderr; silent with -q."""
        if not self.flags.quiet:
            self.streams.talk(text)

    def detail(self, text: str) -> None:
        """Talk that only -v asks for."""
        if self.flags.verbose and not self.flags.quiet:
            self.streams.talk(text)
