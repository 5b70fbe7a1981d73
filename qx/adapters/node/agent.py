"""What `qx node` does at the far end of a CommandNode: one request from stdin, done beside the server, its
answer to stdout.

It needs no regions.yaml: its settings are one file per node, a LocalControl as YAML or JSON, which belongs to
the node. What that file names is all that can be acted on, whatever is asked; `cluster` and `region` in it,
if set, must be those of the request, so that a request that went to the wrong machine is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import msgspec

from qx.adapters.clock import SystemClock
from qx.adapters.node.deadline import Deadline
from qx.adapters.node.local import perform, server
from qx.adapters.node.wire import LONGEST, Hello, Reply, Request, arguments, failure, moved
from qx.kernel.errors import Problems, QxError
from qx.model.platform import LocalControl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class NodeSettings(LocalControl, frozen=True, kw_only=True, tag="local", tag_field="driver"):
    """`driver: local` may be left out."""

    cluster: str = ""  # if set, requests for another are refused
    region: str = ""  # likewise


def read_settings(path: Path) -> NodeSettings:
    """Raises QxError with the place of what is wrong."""
    from qx.config.decode import custom
    from qx.config.marks import compose

    try:
        data = path.read_bytes()
    except OSError as error:
        words = f"{path} cannot be read: {error.strerror}"
        raise QxError("QX-CFG-001", words, hint="name it with --settings") from error
    document = compose(data, str(path))
    if document.problems:
        raise Problems(document.problems)
    try:
        return msgspec.convert(document.tree, NodeSettings, dec_hook=custom)
    except msgspec.ValidationError as error:
        raise QxError("QX-CFG-004", f"{path}: {error}", hint="docs/how-to/node-control.md lists its keys") from error


def serve(settings_file: Path, source: TextIO, say: Callable[[str], None]) -> None:
    """Says hello, takes one request, answers it, each as a line. An error is an answer too."""
    said_at = SystemClock().elapsed()
    say(_line(Hello()))
    try:
        request = _read(source)
        settings = read_settings(settings_file)
        _check_address(settings, request)
        node = server(settings, request.kind, request.cluster, request.region)
        given = moved(arguments(request), said_at)
        reply = Reply(result=perform(node, request.verb, given, Deadline(request.timeout_s)))
    except QxError as error:
        reply = Reply(error=failure(error))
    say(_line(reply))


def _read(source: TextIO) -> Request:
    try:
        return msgspec.json.decode(source.readline(LONGEST), type=Request)
    except msgspec.DecodeError as error:
        raise QxError("QX-NODE-005", f"the request cannot be read: {error}",
                      hint="`qx node` is started by a control of driver `command`, not by hand") from error


def _check_address(settings: NodeSettings, request: Request) -> None:
    for name in ("cluster", "region"):
        here, asked = getattr(settings, name), getattr(request, name)
        if here not in {"", asked}:
            raise QxError("QX-NODE-005", f"this node belongs to {name} {here}, the request is for {asked}",
                          hint="the control's argv reaches the wrong machine, or names the wrong settings file")


def _line(what: Hello | Reply) -> str:
    return msgspec.json.encode(what).decode()
