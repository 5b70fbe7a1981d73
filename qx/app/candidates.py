"""What somebody sent, examined: is it a pack or a list, what is wrong with it, do its own tests hold."""

from __future__ import annotations

import hashlib
import re
from itertools import islice
from typing import TYPE_CHECKING

import msgspec

from qx.adapters.lists import forms
from qx.app.compliance import GLOBAL, broken_tests
from qx.compliance import lint
from qx.compliance.dated import in_force
from qx.compliance.facts import rates_of
from qx.compliance.selftest import AS_OF, failures
from qx.config.load import MAX_BYTES
from qx.config.marks import compose
from qx.config.pack import understand
from qx.kernel.canon import digest
from qx.kernel.errors import Problems, QxError
from qx.model.candidate import Submission

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qx.adapters.lists.parts import Read
    from qx.app.compliance import Desk
    from qx.model.candidate import CandidateKind
    from qx.model.rules import RulePack

MOST_BYTES = 32 << 20  # of anything that is sent
GZIP = b"\x1f\x8b"
MOST_TOLD = 50  # faults, failures
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}\Z")
_FORMS: dict[CandidateKind, str] = {"pack": ".yaml", "list": ".list", "unreadable": ".txt"}


def form_of(kind: CandidateKind) -> str:
    """How its file's name ends."""
    return _FORMS[kind]


def pack_of(data: bytes) -> RulePack:
    """Raises Problems: everything that is wrong with it."""
    return understand(compose(data, "candidate"), lint.check)


def list_of(data: bytes) -> Read:
    """An official list, in one file. Raises QX-LIST-001."""
    return forms.read({"candidate": data})[0]


def examined(data: bytes, desk: Desk) -> Submission:
    """Not yet said: who sent it, when."""
    if data[:2] == GZIP:
        return _made(data, "unreadable", faults=("what is packed is not taken",))
    if forms.form_of(data):
        return _list(data)
    if len(data) > MAX_BYTES:
        return _made(data, "unreadable", faults=(f"a rule pack is not larger than {MAX_BYTES} bytes",))
    try:
        document = compose(data, "candidate")
    except Problems as problems:
        return _made(data, "unreadable", faults=_told(problems))
    stated = document.tree.get("pack") if isinstance(document.tree, dict) else None
    name = stated if isinstance(stated, str) and _NAME.match(stated) else ""
    try:
        pack = understand(document, lint.check)
    except Problems as problems:
        return _made(data, "pack" if name else "unreadable", name, faults=_told(problems))
    faults = tuple(_against(pack, desk))
    failed = tuple(islice(_failures(pack, desk), MOST_TOLD))
    tests = sum(len(rule.tests) for rule in pack.rules)
    return _made(data, "pack" if name else "unreadable", name, pack.version, len(pack.rules), faults, tests, failed)


def _told(problems: Problems) -> tuple[str, ...]:
    return tuple(str(error) for error in problems.errors[:MOST_TOLD])


def _against(pack: RulePack, desk: Desk) -> Iterator[str]:
    """What stands against it where the packs in force stand."""
    if not _NAME.match(pack.pack):
        yield "the name of a pack is of lower-case letters, digits, - and _"
    theirs = {rule.id: other.pack for other in desk.packs if other.pack != pack.pack for rule in other.rules}
    for rule in pack.rules:
        if rule.id in theirs:
            yield f"{rule.id} stands in pack {theirs[rule.id]} too"
    same = next((each for each in desk.packs if (each.pack, each.version) == (pack.pack, pack.version)), None)
    if same is not None and digest(msgspec.to_builtins(same)) != digest(msgspec.to_builtins(pack)):
        yield f"version {pack.version} is in force already, with other content: raise it"


def _failures(pack: RulePack, desk: Desk) -> Iterator[str]:
    """Of its own tests; of the global pack also of those that rest on its rates."""
    if pack.pack == GLOBAL:
        for each in broken_tests((pack, *(other for other in desk.packs if other.pack != GLOBAL))):
            yield f"{each.rule} test {each.test}: expected {each.expected}, found {each.found}"
        return
    above = next((each for each in desk.packs if each.pack == GLOBAL), None)
    params = {} if above is None else {name: in_force(param, above, AS_OF) for name, param in above.params.items()}
    for failure in failures(pack, rates_of(params)):
        yield f"{failure.rule} test {failure.test}: expected {failure.expected}, found {failure.found.outcome}"


def _list(data: bytes) -> Submission:
    try:
        found = list_of(data)
    except QxError as error:
        return _made(data, "unreadable", faults=(str(error),))
    faults = () if found.entries else ("it has no entry",)
    return _made(data, "list", found.source, found.version, len(found.entries), faults)


def _made(
    data: bytes, kind: CandidateKind, holds: str = "", version: str = "", count: int = 0, faults: tuple[str, ...] = (),
    tests: int = 0, failures: tuple[str, ...] = (),
) -> Submission:
    content = hashlib.sha256(data).hexdigest()
    word = re.sub(r"[^a-z0-9_]+", "-", holds.lower()).strip("-")[:64] or kind
    return Submission(
        name=f"{word}-{content[:12]}", kind=kind, holds=holds, version=version, digest=content, size=len(data),
        submitted_by="", source="", submitted_at=0.0, count=count, faults=faults, tests=tests, failures=failures,
    )  # fmt: skip
