"""The rules over columns: rows per second of one core, once the columns are read; and one document at a time.

    python -m bench.compliance_engine [--rows N] [--chunk N] [--region R] [--runs N] [--rules]

Every row has its own id, amount, quantity, price and moment; 2,000 counterparties, 400 ships; lists that are whole and
fresh. About one row in twenty is not in order. Printed: outcomes with status and score; with expiries and ids; with the
findings of what is not approved too. With each the machine's noise: load, fastest and slowest run, processor time.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from qx.app.compliance import Desk
from qx.compliance.columnar.column import Chunk, Column, Lazy
from qx.compliance.columnar.evaluate import Judge
from qx.compliance.columnar.names import Screening
from qx.compliance.columnar.outcomes import OUTCOMES, STATUSES
from qx.compliance.fields import FIELDS
from qx.compliance.screening import Lists, screen
from qx.compliance.transaction import typed
from qx.compliance.validate import validate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

AS_OF = datetime(2026, 9, 15, tzinfo=UTC)  # no table is overdue for review
PARTIES, SHIPS = 2_000, 400
COUNTRIES = ("SA", "AE", "BH", "US", "GB", "NL", "DE", "FR", "IN", "JP", "KR", "SG", "NO", "GY", "BR", "CA", "AU")
COMMODITIES = ("crude_oil", "crude_oil", "natural_gas", "lng", "gasoil", "jet", "fuel_oil")
TYPES = ("spot",) * 60 + ("physical_transfer",) * 30 + ("forward",) * 8 + ("future", "swap")
WORDS = ("Gulf", "Northern", "Delta", "Orion", "Cedar", "Atlas", "Falcon", "Pearl", "Meridian", "Harbour", "Summit")
FORMS = ("Energy Trading WLL", "Petroleum Ltd", "Resources BV", "Commodities SA", "Oil & Gas LLC", "Marine GmbH")


class Rows:
    """Columns of made-up transactions; the same for the same seed."""

    def __init__(self, count: int, seed: int) -> None:
        self.count, self.columns = count, dict[str, Column]()
        self._random, self._numbers = random.Random(seed), np.random.default_rng(seed)
        self._fields(seed)

    def _fields(self, seed: int) -> None:
        self._own("transactionId", [f"TXN-{seed}-{number:08d}" for number in range(self.count)])
        self._money()
        moments = self._numbers.integers(0, 86_400 * 30, self.count)
        self._own("executionTs", [f"2026-08-{1 + m // 86400:02d}T{m // 3600 % 24:02d}:{m // 60 % 60:02d}:{m % 60:02d}Z"
                                  for m in moments.tolist()])  # fmt: skip
        self._few("tradeDate", [f"2026-08-{day:02d}" for day in range(1, 31)])
        self._few("settlementDate", [f"2026-10-{day:02d}" for day in range(1, 31)])
        for path, words in (
            ("transactionType", TYPES), ("commodityType", COMMODITIES), ("originCountry", COUNTRIES),
            ("destinationCountry", COUNTRIES), ("unit", ("BBL",)), ("currency", ("USD",) * 8 + ("EUR", "BHD")),
            ("relationship", ("existing",) * 6 + ("occasional",)), ("venue", ("XOFF", "XNYM")),
            ("payment.method", ("wire", "wire", "lc")), ("payment.direction", ("outward", "inward")),
            ("payment.currencyForm", ("fiat",)), ("ourEntity.type", ("NFC", "SD")),
            ("workflow.createdBy", tuple(f"trader{number}" for number in range(40))),
            ("workflow.approvedBy", tuple(f"officer{number}" for number in range(12))),
            ("workflow.settledBy", tuple(f"clerk{number}" for number in range(12))),
            ("ourEntity.lei", ("5493001KJTIIGC8Y1R12",)),
            ("payment.originator.name", ("Quantum Trading BSC",)), ("payment.originator.idNo", ("CR-1",)),
            ("payment.originator.account", (_account(1),)), ("ourEntity.formedOn", ("2010-01-01",)),
            ("ourEntity.licence.volume", ("5",)), ("ourEntity.licence.regulator", ("CBB",)),
            ("kyc.status", ("verified",) * 99 + ("pending",)), ("kyc.riskRating", ("standard",) * 9 + ("high",)),
            ("kyc.reviewedAt", tuple(f"2026-0{month}-{day:02d}" for month in range(1, 8) for day in range(1, 29))),
            ("kyc.pep", (False,) * 300 + (True,)), ("kyc.ubosComplete", (True,)), ("kyc.sourceOfFunds", ("verified",)),
            ("surveillance.flag", (False,) * 200 + (True,)), ("surveillance.abnormal", (False,)),
            ("attestations", ([{"kind": "no_manipulation", "by": "ada", "at": "2026-08-01T00:00:00Z"}],)),
        ):  # fmt: skip
            self._few(path, words)
        self._parties()

    def _money(self) -> None:
        quantity = self._numbers.integers(100, 90_000, self.count)
        price = self._numbers.integers(2_000, 12_000, self.count)  # cents
        wrong = self._numbers.random(self.count) < 0.01
        amount = (quantity * price * np.where(wrong, 2, 1)).tolist()
        self._own("quantity", [str(each) for each in quantity.tolist()])
        self._own("unitPrice", [_cents(each) for each in price.tolist()])
        self._own("amount", [_cents(each) for each in amount])

    def _parties(self) -> None:
        party = self._numbers.integers(0, PARTIES, self.count).astype(np.int32)
        made = self._random
        names = [f"{made.choice(WORDS)} {made.choice(WORDS)} {each} {made.choice(FORMS)}" for each in range(PARTIES)]
        lands = [made.choice(COUNTRIES) for _ in names]
        owners = [[{"name": f"Holder {number}", "country": land, "pct": "100", "control": True}]
                  for number, land in enumerate(lands)]  # fmt: skip
        of_party: dict[str, Sequence[Any]] = {
            "counterparty.name": names, "counterparty.country": lands, "counterparty.owners": owners,
            "counterparty.type": ["company"] * PARTIES, "counterparty.lei": ["5493001KJTIIGC8Y1R12"] * PARTIES,
            "counterparty.pep": [False] * PARTIES, "counterparty.sector": ["energy"] * PARTIES,
            "payment.beneficiary.name": names,
            "payment.beneficiary.account": [_account(number) for number in range(PARTIES)],
        }  # fmt: skip
        for path, raws in of_party.items():
            self._column(path, raws, party)
        ship = self._numbers.integers(-SHIPS, SHIPS, self.count)
        numbers = [f"{number:06d}" for number in range(900_000, 900_000 + SHIPS)]
        self._column("vessel.imo", [each + _check(each) for each in numbers], np.maximum(ship, -1).astype(np.int32))
        self._column("vessel.name", [f"Ship {each}" for each in numbers], np.maximum(ship, -1).astype(np.int32))

    def _few(self, path: str, raws: Sequence[Any]) -> None:
        self._column(path, raws, self._numbers.integers(0, len(raws), self.count).astype(np.int32))

    def _column(self, path: str, raws: Sequence[Any], codes: NDArray[np.int32]) -> None:
        found = [typed(path, raw) for raw in raws]
        self.columns[path] = Column(codes, [each.value for each in found], [each.canonical for each in found])

    def _own(self, path: str, texts: list[str]) -> None:
        self.columns[path] = Column(np.arange(self.count, dtype=np.int32), Lazy.of(path, texts), texts)

    def chunk(self) -> Chunk:
        unknown = set(self.columns) - set(FIELDS)
        assert not unknown, unknown
        return Chunk(self.count, self.columns)


def _cents(amount: int) -> str:
    whole, rest = divmod(amount, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".")


def _account(number: int) -> str:
    """An IBAN of Bahrain."""
    from stdnum import iban

    plain = f"BMAG{number:014d}"
    return f"BH{iban.calc_check_digits('BH00' + plain)}{plain}"


def _check(number: str) -> str:
    """Of a ship's number."""
    return str(sum(int(digit) * (7 - place) for place, digit in enumerate(number)) % 10)


def _timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds that passed, and seconds of the processor: on a busy machine the second tells what the work takes."""
    started, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - used


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--rows", type=int, default=200_000)
    options.add_argument("--chunk", type=int, default=50_000)
    options.add_argument("--region", default="us-east")
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--rules", action="store_true", help="what each rule came to")
    given = options.parse_args()
    desk = Desk(dict(os.environ))
    book = desk.rulebook(given.region)
    lists = Lists(tuple(replace(each, whole=True, fresh_until="") for each in desk.lists.lists))
    judge = Judge(book, Screening.of(lists))
    chunks = [Rows(given.chunk, seed).chunk() for seed in range(max(1, given.rows // given.chunk))]
    rows = sum(chunk.rows for chunk in chunks)
    rules = f"{len(book.rules)} rules of {book.region}"
    print(f"{rows:,} rows in chunks of {given.chunk:,}, {rules}; load {os.getloadavg()[0]:.1f}")

    def single() -> None:
        for row in range(200):
            transaction = chunks[0].transaction(row)
            validate(transaction, book, AS_OF, screen(transaction, lists, AS_OF))

    def alone() -> None:
        for chunk in chunks:
            judge.judged(chunk, AS_OF).verdicts  # noqa: B018 - what is measured

    def whole() -> None:
        for chunk in chunks:
            found = judge.judged(chunk, AS_OF)
            found.verdicts, found.expiries  # noqa: B018 - likewise
            for _ in found.identities():
                pass

    def with_findings() -> None:
        for chunk in chunks:
            found = judge.judged(chunk, AS_OF)
            found.expiries  # noqa: B018 - likewise
            for _ in found.identities():
                pass
            for row in np.flatnonzero(found.verdicts.status).tolist():
                found.findings(row)

    single()
    _say("one at a time", 200, [_timed(single)])
    _say("first pass, alone", rows, [_timed(alone)])
    _say("evaluation alone", rows, [_timed(alone) for _ in range(given.runs)])
    _say("with expiries and ids", rows, [_timed(whole) for _ in range(given.runs)])
    _say("and findings", rows, [_timed(with_findings) for _ in range(given.runs)])
    found = [judge.judged(chunk, AS_OF) for chunk in chunks]
    status = np.concatenate([each.verdicts.status for each in found])
    counts = ", ".join(f"{name} {(status == place).mean():.1%}" for place, name in enumerate(STATUSES))
    outcomes = np.concatenate([each.outcomes for each in found], axis=1)
    for line, one in zip(outcomes, book.rules, strict=True) if given.rules else ():
        shares = {name: f"{(line == place).mean():.1%}" for place, name in enumerate(OUTCOMES) if (line == place).any()}
        print(f"  {one.rule.id:24}{shares}")
    print(f"{counts}; in doubt {sum(each.doubtful for each in found):,}; load {os.getloadavg()[0]:.1f}")


def _say(what: str, rows: int, took: list[tuple[float, float]]) -> None:
    passed, used = [each for each, _ in took], [each for _, each in took]
    spread = f"fastest {rows / min(passed):,.0f}, slowest {rows / max(passed):,.0f}"
    processor = f"{rows / statistics.median(used):,.0f} by processor time"
    print(f"{what:24} {rows / statistics.median(passed):12,.0f} rows/s of one core ({spread}; {processor})")


if __name__ == "__main__":
    main()
