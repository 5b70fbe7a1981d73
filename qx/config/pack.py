"""A rule pack's file -> RulePack, or Problems with everything that is wrong with it, each with its line and column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from qx.config.fault import errors, sound
from qx.config.load import ordered, read
from qx.kernel.errors import Problems, QxError
from qx.model.rules import RulePack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from qx.config.document import Document
    from qx.config.fault import Fault


def load(path: Path, check: Callable[[RulePack], Iterable[Fault]]) -> RulePack:
    """`check`: what the rules themselves must keep to. Raises Problems: all errors of the file at once."""
    return understand(read(path), check)


def understand(document: Document, check: Callable[[RulePack], Iterable[Fault]]) -> RulePack:
    try:
        pack = msgspec.convert(document.tree, RulePack)
    except msgspec.ValidationError as first:
        from qx.config.diagnose import diagnose

        found = diagnose(document.tree, RulePack)
        shape = errors(document, found.faults) or [QxError("QX-CFG-004", str(first), place=document.place(()))]
        mended = msgspec.convert(found.tree, RulePack) if found.faults else None
        rest = errors(document, sound(check(mended), found.damaged)) if mended is not None else []
        raise Problems(ordered([*document.problems, *shape, *rest])) from first
    faults = list(check(pack))
    if faults or document.problems:
        raise Problems(ordered([*document.problems, *errors(document, faults)]))
    return pack
