"""PostgresChain: the record of one region in that region's PostgreSQL (`qx.ports.evidence.Chain`). What goes wrong with
the server is QX-STORE-009.

Every append is one transaction under an advisory lock. One connection, under hard deadlines; within a transaction
nothing is sent again, and a transaction that may have come to nothing is given up with its connection. Not to be used
from inside an event loop: it has one of its own.
"""

from __future__ import annotations

import asyncio
import zlib
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, LiteralString

from qx.adapters.answer import Declined, LostAnswer, NoAnswer
from qx.adapters.evidence import shelf
from qx.adapters.evidence import tables as sql
from qx.adapters.evidence.shelf import ENTRY, SMALL, Appender
from qx.adapters.postgres.session import Session
from qx.compliance.evidence import KEY
from qx.kernel.errors import QxError
from qx.model.evidence import Block, Content, Head, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from qx.model.evidence import Basis, Draft, Receipt
    from qx.ports.evidence import Signs

ANSWER_S: Final = 10.0  # for one statement, once it is connected
_FORKED: Final = frozenset({"23505", "P0001"})  # a number that stands there already, or was to be changed
_MAKING: Final = "qx_evidence"  # the lock of who makes the schema


class PostgresChain:
    """`url` as in regions.yaml; `password` is called at each connect. `connect_s`: for the connection, and whether the
    schema stands.
    """

    def __init__(
        self, url: str, region: str, password: Callable[[], str], connect_s: float,
        signer: Callable[[], Signs | None] = lambda: None,
    ) -> None:  # fmt: skip
        self._region, self._connect_s = region, connect_s
        self._session = Session(f"the record of {region}", url, password, "evidence")
        self._appender = Appender(region, signer)
        self._url = url
        self._made = False  # the schema is known to stand

    @property
    def name(self) -> str:
        return self._url

    @cached_property
    def _runner(self) -> asyncio.Runner:
        return asyncio.Runner(loop_factory=asyncio.new_event_loop)

    def shut(self) -> None:
        if "_runner" in self.__dict__:
            runner: asyncio.Runner = self.__dict__.pop("_runner")
            runner.run(self._session.close())
            runner.close()

    def _ask(
        self, question: LiteralString, *parameters: object, within: float = ANSWER_S, harmless: bool = False
    ) -> list[tuple[Any, ...]]:
        try:
            return self._runner.run(
                self._session.ask(question, parameters or None, timeout=within, harmless=harmless)
            )
        except Declined as error:
            code = "QX-STORE-004" if error.state in _FORKED else "QX-STORE-009"
            raise QxError(code, error.message, hint=error.hint) from error
        except (NoAnswer, LostAnswer) as error:
            raise QxError("QX-STORE-009", error.message, hint=error.hint) from error

    # -- appending
    def append(self, drafts: Sequence[Draft], contents: Callable[[Basis], Iterable[Content]]) -> Receipt:
        with self._writing() as open_shelf:
            return self._appender.append(open_shelf, drafts, contents)

    def seal(self, at: float, by: str) -> None:
        with self._writing() as open_shelf:
            self._appender.seal(open_shelf, at, by)

    @contextmanager
    def _writing(self) -> Iterator[_Shelf]:
        try:
            self._ask("BEGIN", within=self._connect_s, harmless=True)
            if not self._made:
                self._ask(sql.LOCK, _MAKING)
                if not self._ask(sql.STANDS)[0][0]:
                    self._ask(sql.CREATE)
            self._ask(sql.LOCK, f"{_MAKING}/{self._region}")
            yield _Shelf(self._ask, self._region)
            self._ask("COMMIT")
            self._made = True
        except BaseException:
            self._appender.forget()
            self._runner.run(self._session.close())  # what was begun ends with it
            raise

    # -- reading
    @property
    def _stands(self) -> bool:
        if not self._made:
            self._made = bool(self._ask(sql.STANDS, within=self._connect_s, harmless=True)[0][0])
        return self._made

    def _rows(self, question: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        return self._ask(question, self._region, *parameters, harmless=True) if self._stands else []

    def head(self) -> Head:
        found = self._rows(sql.HEAD)
        return Head(*found[0]) if found else Head()

    def holding(self, key: bytes) -> tuple[int, ...]:
        found = {row[0] for row in self._rows(sql.LINES_OF_ID, key + b"\0" * 4, key + b"\xff" * 4)}
        slices = self._rows(sql.SLICES_OF_ID, key[0], key)
        return tuple(sorted(found | {block for block, keys in slices if shelf.place_in(keys, key) is not None}))

    def block(self, number: int) -> Block | None:
        return next(map(shelf.block_of, self._rows(sql.BLOCK, number)), None)

    def blocks(self, first: int = 1) -> Iterator[Block]:
        last = first - 1
        while some := self._rows(sql.BLOCKS, last):
            yield from map(shelf.block_of, some)
            last = some[-1][1]

    def between(self, kind: Kind, since: float, until: float) -> Iterator[Block]:
        for (number,) in self._rows(sql.BETWEEN, kind, since, until):
            yield from map(shelf.block_of, self._rows(sql.BLOCK, number))

    def covering(self, number: int) -> Block | None:
        return next(map(shelf.block_of, self._rows(sql.COVERING, number)), None)

    def digests(self, first: int, last: int) -> tuple[str, ...]:
        return tuple(row[0] for row in self._rows(sql.DIGESTS, first, last))

    def index(self, number: int) -> dict[bytes, int]:
        found: dict[bytes, int] = dict(self._rows(sql.LINES_OF, number))
        for (keys,) in self._rows(sql.SLICES_OF, number):
            found |= shelf.index_of(keys)
        return found

    def indexed(self) -> frozenset[int]:
        return frozenset(row[0] for row in self._rows(sql.INDEXED, self._region))

    def content(self, digest: str) -> Content | None:
        return next(map(shelf.content_of, self._rows(sql.CONTENT, digest)), None)

    def contents(self) -> Iterator[Content]:
        for (digest,) in self._rows(sql.CONTENTS):
            yield from map(shelf.content_of, self._rows(sql.CONTENT, digest))


class _Shelf:
    """The tables, within one transaction."""

    def __init__(self, ask: Callable[..., list[tuple[Any, ...]]], region: str) -> None:
        self._ask, self._region = ask, region

    def head(self) -> Head:
        found = self._ask(sql.HEAD, self._region)
        return Head(*found[0]) if found else Head()

    def set_head(self, head: Head) -> None:
        self._ask(sql.SET_HEAD, self._region, *head)

    def has_root(self, root: str, basis: str) -> bool:
        return bool(self._ask(sql.HAS_ROOT, self._region, root, basis))

    def large(self, basis: str) -> int:
        found: int = self._ask(sql.LARGE, self._region, basis, SMALL)[0][0]
        return found

    def lines(self, keys: Sequence[bytes]) -> set[bytes]:
        return {row[0] for row in self._ask(sql.LINES, self._region, list(keys))}

    def slices(self, basis: str, first_byte: int) -> Iterator[bytes]:
        return (row[0] for row in self._ask(sql.SLICES, self._region, basis, SMALL, first_byte))

    def keys_after(self, number: int, basis: str) -> Iterator[tuple[bytes, int]]:
        for block, count in self._ask(sql.OF_BASIS_AFTER, self._region, basis, number):
            if count < SMALL:
                yield b"".join(row[0] for row in self._ask(sql.LINES_OF, self._region, block)), KEY
            else:
                for (keys,) in self._ask(sql.SLICES_OF, self._region, block):
                    yield keys, ENTRY

    def put(self, block: Block, entries: bytes) -> None:
        link = block.link
        self._ask(
            sql.PUT_BLOCK, link.region, link.number, link.kind, link.at, link.by, link.basis, link.count, link.root,
            link.previous, link.digest, block.body,
        )  # fmt: skip
        if len(entries) >= SMALL * ENTRY:
            slices = list(shelf.split(entries))
            of, keys = [byte for byte, _ in slices], [keys for _, keys in slices]
            self._ask(sql.PUT_SLICES, self._region, link.number, of, keys)
        elif entries:
            lines = shelf.index_of(entries)
            self._ask(sql.PUT_LINES, self._region, link.number, list(lines), list(lines.values()))

    def digests(self, first: int, last: int) -> tuple[str, ...]:
        return tuple(row[0] for row in self._ask(sql.DIGESTS, self._region, first, last))

    def missing(self, digests: Iterable[str]) -> set[str]:
        asked = set(digests)
        return asked - {row[0] for row in self._ask(sql.STANDING, self._region, list(asked))}

    def put_content(self, content: Content) -> None:
        self._ask(sql.PUT_CONTENT, self._region, content.digest, content.kind, zlib.compress(content.body))
