"""Residency: what the rule packs and regions.yaml say together, for whoever asks. The gate has its `lawbook`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from qx.compliance.fields import DATA_CLASSES
from qx.compliance.flows import APPROVAL, DPF, KEYS, SAFEGUARD, Flow, FlowRules
from qx.compliance.residency import is_carried, ruling
from qx.failover.residency import permit
from qx.kernel.errors import QxError
from qx.kernel.text import did_you_mean
from qx.model.residency import Cell, Checked, Matrix, MatrixTable, Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qx.app.compliance import Desk

FREE_ZONES = ("EU", "UK", "ADGM")  # jurisdictions that are no countries of ISO 3166-1
LAW_OF = {"me": ("ADGM", "AE"), "apac": ("SG", "JP", "AU")}  # packs of several laws; of others the first counts


class Border:
    """For whoever asks about a flow: places by name, alias or jurisdiction; the packs, and regions.yaml where there is
    one.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.rules = FlowRules(desk.packs)

    @property
    def context(self) -> str:
        return self._desk.context

    def now(self, wall: float) -> datetime:
        """The beginning of that day in UTC, or the last change of a rule since."""
        moment = datetime.fromtimestamp(wall, UTC)
        day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        return max([day, *(each for each in self.rules.changes if each <= moment)])

    def place(self, word: str) -> Place:
        """Raises QX-OBS-001."""
        try:
            return Place(*self._desk.region(word))
        except QxError:
            code = {"GB": "UK"}.get(word.upper(), word.upper())
            if code not in FREE_ZONES and not _is_country(code):
                raise
            return Place(code, (code,))

    def evidence(
        self, safeguards: Iterable[str], approvals: Iterable[str], keys: str, *, dpf: bool
    ) -> frozenset[str]:
        """Pieces of it, as the rules word them. Raises ValueError for a word that no rule knows."""
        found = {self._piece(SAFEGUARD, word) for word in safeguards}
        found |= {self._piece(APPROVAL, word) for word in approvals}
        return frozenset(found | ({f"{KEYS}{keys}"} if keys else set()) | ({DPF} if dpf else set()))

    def _piece(self, kind: str, word: str) -> str:
        known = sorted(each.removeprefix(kind) for each in self.rules.pieces if each.startswith(kind))
        same = [each for each in known if _plain(each) == _plain(word)]
        if not same:
            raise ValueError(f"no rule knows '{word}': {did_you_mean(word, known)}; known are {', '.join(known)}")
        return f"{kind}{same[0]}"

    def check(
        self, data_class: str, source: Place, to: Place, at: datetime, evidence: frozenset[str]
    ) -> Checked:
        law = {
            (data_class, one, other): ruling(self.rules, Flow(data_class, one, other), at, evidence)
            for one in source.jurisdictions
            for other in to.jurisdictions
            if one != other
        }
        platform = self._desk.platform
        cells, approvals = (platform.residency, platform.approvals) if platform is not None else ((), ())
        found = permit(data_class, source, to, at.date().isoformat(), law, cells, approvals)
        return Checked(
            data_class=data_class, source=source, to=to, as_of=_text(at),
            evidence=tuple(sorted(evidence)), status=found.answer, because=found.because, instrument=found.instrument,
            approval=found.approval, until=found.until, rules=found.rules, wanted=found.wanted, findings=found.said,
        )  # fmt: skip

    @property
    def jurisdictions(self) -> tuple[str, ...]:
        """Those of the regions, then those that the packs are of; no members of the EU."""
        regions = (each for name in self._desk.regions for each in self._desk.region(name)[1])
        ours = (LAW_OF.get(pack.pack, pack.jurisdictions[:1]) for pack in self._desk.packs)
        return tuple(dict.fromkeys([*regions, *(each for several in ours for each in several if each != "*")]))

    def cell(self, flow: Flow, at: datetime) -> Cell:
        """Between two jurisdictions, with no evidence but the cells of regions.yaml."""
        data_class, source, to = flow
        law = {flow.key: ruling(self.rules, flow, at, ways=False)}
        platform = self._desk.platform
        cells = platform.residency if platform is not None else ()
        found = permit(data_class, Place(source, (source,)), Place(to, (to,)), "", law, cells)
        carried = found.allowed or is_carried(self.rules, flow, at)
        return Cell(source=source, to=to, answer=found.answer, until=found.until, carried=carried, rules=found.rules)


def matrix_of(border: Border, classes: tuple[str, ...] | None, at: datetime) -> Matrix:
    """`classes` None: all. Classes whose cells are the same stand together."""
    places = border.jurisdictions
    grouped: dict[tuple[Cell, ...], list[str]] = {}
    for each in classes or DATA_CLASSES:
        flows = (Flow(each, one, other) for one in places for other in places if one != other)
        grouped.setdefault(tuple(border.cell(flow, at) for flow in flows), []).append(each)
    tables = tuple(MatrixTable(classes=tuple(of), cells=cells) for cells, of in grouped.items())
    return Matrix(as_of=_text(at), jurisdictions=places, tables=tables)


def _is_country(code: str) -> bool:
    from qx.compliance.transaction import countries

    return code in countries()


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _plain(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())
