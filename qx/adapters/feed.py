"""Feed: records as they change, for who must not wait for the next look.

It begins with all that stand; each change follows, and of a record that was dropped or has run out one more comes,
empty and with `until` 0. What changes twice quickly may come once. A feed that raised, or was left, goes on when it is
asked again, and tells what changed meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from qx.model.lease import Record

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator


class Known:
    """What a reader was told of so far."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self._kinds = frozenset(kinds)
        self._told: dict[tuple[str, str], int] = {}  # kind, key -> revision

    def news(self, standing: Iterable[Record]) -> Iterator[Record]:
        """Of all records that stand, those not told yet; then those that stand no more."""
        gone = set(self._told)
        for record in standing:
            gone.discard((record.kind, record.key))
            yield from self.change(record)
        for kind, key in sorted(gone):
            yield from self.end(kind, key, self._told[kind, key])

    def change(self, record: Record) -> Iterator[Record]:
        name = record.kind, record.key
        if record.kind in self._kinds and self._told.get(name, 0) < record.revision:
            self._told[name] = record.revision
            yield record

    def end(self, kind: str, key: str, revision: int) -> Iterator[Record]:
        if self._told.get((kind, key), revision + 1) <= revision:
            del self._told[kind, key]
            yield Record(kind=kind, key=key, value={}, revision=revision, until=0.0)


class Feed:
    """An async iterator over `self.follow()`, which a subclass defines and which is begun anew after it raised."""

    def __init__(self, kinds: tuple[str, ...]) -> None:
        self.known = Known(kinds)
        self._stream: AsyncGenerator[Record, None] | None = None

    def follow(self) -> AsyncGenerator[Record, None]:
        raise NotImplementedError

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Record:
        if self._stream is None:
            self._stream = self.follow()
        try:
            return await anext(self._stream)
        except BaseException:
            self._stream = None
            raise

    async def aclose(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.aclose()
