"""Evidence in memory, as the port says it; and a clock that stands where it is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from qx.compliance.evidence import inputs_of, lines_of
from qx.model.evidence import Found, Kept, Noted, Receipt, RecordAudit, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qx.model.evidence import Content, Note, Packed


class StandingClock:
    """`at`: Unix seconds."""

    def __init__(self, at: float) -> None:
        self.at = at

    def now(self) -> float:
        return self.at

    def elapsed(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds

    def noise(self) -> bytes:
        return b"0123456789"


class Remembered:
    """`clock` tells when each row and note is kept."""

    def __init__(self, clock: StandingClock) -> None:
        self._clock = clock
        self._rows: list[Found] = []
        self._notes: list[Noted] = []
        self.loses = False

    def keep(self, results: Sequence[Kept]) -> Receipt:
        for each in results:
            block = len(self._rows) + 1
            self._rows.append(Found(each.basis, each.row, each.input, self._clock.now(), "ada@desk", block, 0))
        return Receipt(len(results))

    def keep_packed(self, packed: Sequence[Packed]) -> Receipt:
        return self.keep([each for one in packed for each in unpacked(one)])

    @property
    def rows(self) -> tuple[Found, ...]:
        return tuple(self._rows)

    def note(self, region: str, note: Note) -> Receipt:
        if self.loses:
            return Receipt(0, lost=1)
        self._notes.append(Noted(region, note, self._clock.now(), len(self._notes) + 1))
        return Receipt(1)

    def find(self, validation_id: str, region: str | None = None) -> Found | None:
        found = [each for each in self._rows if each.row.validation_id == validation_id]
        return found[-1] if found else None

    def range(self, region: str, since: float, until: float) -> Iterator[Found]:
        yield from (each for each in self._rows if each.basis.region == region and since <= each.at < until)

    def notes(self, region: str, kind: str, since: float, until: float) -> Iterator[Noted]:
        yield from (
            each for each in self._notes
            if each.region == region and kind in ("", each.note.kind) and since <= each.at < until
        )  # fmt: skip

    def verify(self, region: str) -> RecordAudit:
        rows = sum(each.basis.region == region for each in self._rows)
        return RecordAudit(region=region, store="memory", verified=True, blocks=rows, rows=rows, head="ab" * 32)

    def content(self, region: str, digest: str) -> Content | None:
        return None

    def close(self) -> None: ...


def unpacked(packed: Packed) -> list[Kept]:
    """Validations as they were before they were packed."""
    assert packed.basis is not None
    rows = [msgspec.json.decode(line, type=Row) for line in lines_of(packed.body)]
    return [Kept(packed.basis, row, data) for row, data in zip(rows, inputs_of(packed.body), strict=True)]
