"""`qx(...)` calls the program in this process, with streams of its own; `Terminal` is a StringIO that is one."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import pytest

from qx.cli.main import root
from qx.cli.run import run
from qx.cli.streams import Streams

if TYPE_CHECKING:
    from typer._click.core import Command


class Result(NamedTuple):
    exit: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Qx(Protocol):
    def __call__(
        self, *argv: str, env: dict[str, str] | None = None, terminal: bool = False, tree: Command | None = None
    ) -> Result: ...


@pytest.fixture
def qx() -> Qx:
    def call(
        *argv: str, env: dict[str, str] | None = None, terminal: bool = False, tree: Command | None = None
    ) -> Result:
        out, err = (Terminal(), Terminal()) if terminal else (io.StringIO(), io.StringIO())
        code = run(tree or root(), argv, Streams(io.StringIO(), out, err, {"COLUMNS": "80", **(env or {})}))
        return Result(code, out.getvalue(), err.getvalue())

    return call
