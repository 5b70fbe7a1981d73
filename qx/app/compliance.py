"""Compliance: which packs and lists hold in a region."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from qx.app import packs
from qx.app.workbench import Workbench
from qx.compliance.dated import in_force
from qx.compliance.facts import rates_of
from qx.compliance.selftest import AS_OF, failures
from qx.compliance.validate import Rulebook
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean
from qx.render.rules import Failed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TextIO

    from qx.app.evidence import Records
    from qx.compliance.screening import Lists
    from qx.model.platform import Platform
    from qx.model.rules import Rule, RulePack

GLOBAL, EVERYWHERE = "global", "*"
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_SPACED = (b'" ', b'"\t', b'"\n', b'"\r')
WITHOUT_A_FILE: dict[str, tuple[str, ...]] = {  # regions where no regions.yaml names any
    "us-east": ("US",), "eu-west": ("EU",), "ap-southeast": ("SG",), "me-central": ("ADGM",), "guyana": ("GY",),
    "bahrain": ("BH",),
}  # fmt: skip


class Desk:
    """Where transactions are judged: the regions of the configuration, or the built-in ones without any."""

    def __init__(self, env: Mapping[str, str], option: str | None = None, cwd: Path | None = None) -> None:
        self._env, self._option, self._cwd = env, option, cwd

    @cached_property
    def _bench(self) -> Workbench | None:
        """None: no regions.yaml stands anywhere. One that was named must be there."""
        bench = Workbench(self._env, self._option, self._cwd)
        try:
            bench.found  # noqa: B018 - looked for now
        except QxError:
            if self._option or self._env.get("QX_CONFIG"):
                raise
            return None
        return bench

    @property
    def context(self) -> str:
        return self._bench.context if self._bench is not None else "built-in regions"

    @property
    def config_path(self) -> Path | None:
        """The regions.yaml in force; None: the built-in regions serve."""
        return self._bench.config_path if self._bench is not None else None

    def operator(self, env: Mapping[str, str]) -> str:
        """Who is at work here: account@machine."""
        return (self._bench or Workbench(env)).operator

    @property
    def platform(self) -> Platform | None:
        """What it says. Raises Problems."""
        return self._bench.platform if self._bench is not None else None

    def region(self, word: str) -> tuple[str, tuple[str, ...]]:
        """(its name, whose law holds there). Raises QX-OBS-001."""
        known = self._regions
        aliases = {alias: name for name, (_, names) in known.items() for alias in names}
        name = word if word in known else aliases.get(word)
        if name is not None:
            return name, known[name][0]
        laws = {pack.pack: pack.jurisdictions[:1] for pack in self.packs if EVERYWHERE not in pack.jurisdictions}
        if word.lower() in laws:
            return word.lower(), laws[word.lower()]
        hint = did_you_mean(word, [*known, *aliases, *laws])
        raise QxError("QX-OBS-001", f"no region, alias or jurisdiction '{word}'", hint=hint)

    @property
    def regions(self) -> tuple[str, ...]:
        """The names of all, in the order of the configuration."""
        return tuple(self._regions)

    def evidence(self, say: Callable[[str], None] = lambda _: None) -> Records:
        """The record of every region, to be closed. `say`: for people, one line: what could not be kept where."""
        from qx.app.evidence import opened

        return opened(self, self._env, say)

    @cached_property
    def _regions(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        if self._bench is None:
            return {name: (law, ()) for name, law in WITHOUT_A_FILE.items()}
        return {name: (each.jurisdictions, each.aliases) for name, each in self._bench.platform.regions.items()}

    def rulebook(self, word: str) -> Rulebook:
        """Raises QX-OBS-001, Problems."""
        region, jurisdictions = self.region(word)
        law = {EVERYWHERE, *jurisdictions}
        return Rulebook(region, jurisdictions, tuple(pack for pack in self.packs if law & set(pack.jurisdictions)))

    @cached_property
    def packs(self) -> tuple[RulePack, ...]:
        """All, the global one first, then what holds everywhere. Raises Problems."""
        found = [packs.read(path, self._env) for path in packs.files(self._env, self.config_path).values()]
        return tuple(sorted(found, key=_place))

    def rule(self, identity: str) -> tuple[RulePack, Rule]:
        """Raises QX-TXN-003."""
        known = {rule.id: (pack, rule) for pack in self.packs for rule in pack.rules}
        if identity.upper() not in known:
            raise QxError("QX-TXN-003", f"no rule '{identity}'", hint=did_you_mean(identity.upper(), known))
        return known[identity.upper()]

    @cached_property
    def lists(self) -> Lists:
        """Those that were imported, else those that are shipped."""
        from qx.app import lists

        return lists.load(self._env, self.config_path)

    def now(self, book: Rulebook, seconds: float | None = None) -> datetime:
        """The moment to judge at where none is given: the beginning of this day in UTC, or the last change of any rule
        since: a day's answers are the same, and none is older than the law. `seconds`: Unix; without it the clock's.
        """
        from qx.adapters.clock import SystemClock

        now = datetime.fromtimestamp(SystemClock().now() if seconds is None else seconds, UTC)
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return max([day, *(moment for moment, _ in book.changes if moment <= now)])


def _place(pack: RulePack) -> tuple[bool, bool, str]:
    return pack.pack != GLOBAL, EVERYWHERE not in pack.jurisdictions, pack.pack


def broken_tests(of: tuple[RulePack, ...]) -> list[Failed]:
    """The rules' own tests that do not hold. Rates of the global pack hold in all."""
    rates: dict[str, Decimal] = {}
    failed = []
    for pack in sorted(of, key=lambda pack: pack.pack != GLOBAL):
        rates |= rates_of({name: in_force(param, pack, AS_OF) for name, param in pack.params.items()})
        failed += [
            Failed(
                rule=each.rule, test=str(each.test), expected=each.expected, found=each.found.outcome,
                message=each.found.message,
            )
            for each in failures(pack, rates)
        ]  # fmt: skip
    return failed


def read_document(stdin: TextIO, path: str) -> Any:
    """One JSON document, its numbers exact; `-` is standard input. Raises QX-TXN-001."""
    return document_of(read_bytes(stdin, path), path)


def read_bytes(stdin: TextIO, path: str) -> bytes:
    """`-` is standard input. Raises QX-TXN-001."""
    try:
        return _bytes(stdin) if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise QxError("QX-TXN-001", f"{path} cannot be read: {error.strerror or error}") from error


def document_of(data: bytes, what: str) -> Any:
    """`what`: the file or the line that it is, for the message. Raises QX-TXN-001, also where one key stands twice: two
    readers would take two transactions for it.
    """
    try:
        document = _DECODER.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, ArithmeticError, RecursionError) as error:
        raise QxError("QX-TXN-001", f"{what} is no JSON document: {error}", hint="UTF-8, one object") from error
    if may_repeat(data, keys_in(document)):
        json.loads(data, object_pairs_hook=_once, parse_int=str, parse_float=str)
    return document


def may_repeat(data: bytes, keys: int) -> bool:
    """Whether some key may stand twice in this JSON, of which `keys` different ones were read. False is certain: after
    no quote there is white space, so each key shows as `":`, and there are not more of those.
    """
    return any(mark in data for mark in _SPACED) or data.count(b'":') != keys


def keys_in(value: Any) -> int:
    """Keys of all objects in it."""
    if isinstance(value, dict):
        return len(value) + sum(map(keys_in, value.values()))
    return sum(map(keys_in, value)) if isinstance(value, list) else 0


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise QxError("QX-TXN-001", f"the key {twice[:80]!a} stands twice", hint="one value for each field")
    return found


def _bytes(stdin: TextIO) -> bytes:
    raw = getattr(stdin, "buffer", None)
    return raw.read() if raw is not None else stdin.read().encode()
