"""The process's three streams and what may be assumed of them: terminal, width, colour.

Stdout carries data, stderr carries talk, and each is judged by itself. A reader that goes away (`qx lag | head`)
changes nothing: the rest of the output is dropped, `reader_gone` says so, and the command ends as it would have.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qx.render.paint import Palette


class Streams:
    """Built once per process by `qx.cli.run`, or by a test from three StringIO."""

    def __init__(self, stdin: TextIO, stdout: TextIO, stderr: TextIO, env: Mapping[str, str]) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.env = env
        self.reader_gone = False

    @property
    def interactive(self) -> bool:
        """Whether a person can be asked."""
        return self.stdin.isatty() and self.stderr.isatty()

    @property
    def width(self) -> int | None:
        """Columns of stdout's terminal; None when it is none, so that nothing is cut for a pipe."""
        if not self.stdout.isatty():
            return None
        wanted = self.env.get("COLUMNS", "")
        if wanted.isdigit() and int(wanted):
            return int(wanted)
        return os.get_terminal_size(self.stdout.fileno()).columns or 80

    def palette(self, stream: TextIO, *, no_color: bool = False) -> Palette:
        """--no-color and NO_COLOR forbid; FORCE_COLOR demands; else a terminal that is not dumb."""
        from qx.render.paint import PLAIN, Palette

        if no_color or self.env.get("NO_COLOR"):
            return PLAIN
        if self.env.get("FORCE_COLOR"):
            return Palette(colour=True)
        return Palette(colour=stream.isatty() and self.env.get("TERM") != "dumb")

    def data(self, text: str) -> None:
        """One block of data on stdout, at once."""
        if not self.reader_gone:
            self.reader_gone = not _written(self.stdout, text)

    def talk(self, text: str) -> None:
        """One message on stderr."""
        _written(self.stderr, text)


def _written(stream: TextIO, text: str) -> bool:
    try:
        stream.write(text + "\n")
        stream.flush()
    except BrokenPipeError:
        # What is still buffered would raise once more when the interpreter exits.
        void = os.open(os.devnull, os.O_WRONLY)
        os.dup2(void, stream.fileno())
        os.close(void)
        return False
    return True
