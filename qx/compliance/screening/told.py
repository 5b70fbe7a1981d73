"""Screening told: matches as an answer that says what it rests on, a clear one too. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qx.compliance.screening.lists import ALGORITHM, NEAR_MISSES
from qx.compliance.screening.screen import digest_of
from qx.model.screening import Left, Likeness, ListUsed, NameScreened, Pairing, Screening

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from qx.compliance.screening.lists import Lists
    from qx.compliance.screening.screen import Match
    from qx.model.sanctions import SanctionsList
    from qx.model.screening import Result

_HEAVIER: tuple[Result, ...] = ("confirmed", "possible", "sectoral", "cleared")


def screening(screened: Iterable[NameScreened], lists: Lists, at: datetime) -> Screening:
    why = why_not(lists, at)
    return Screening(
        as_of=_text(at), can_clear=not why, because=why, algorithm=ALGORITHM, threshold=lists.threshold,
        lists=tuple(list_used(each, sha) for each, sha in zip(lists.lists, lists.digests, strict=True)),
        digest=lists.digest, screened=tuple(screened),
    )  # fmt: skip


def name_screened(asked: str, found: Iterable[Match], lists: Lists, at: datetime) -> NameScreened:
    """`found`: matches and near misses."""
    every = sorted(found, key=lambda each: (-each.score, each.source, each.listed.uid))
    matches = [each for each in every if each.score >= lists.threshold]
    result: Result = min((each.standing for each in matches), key=_HEAVIER.index, default="clear")
    if result in ("clear", "cleared") and not lists.clears(at):
        result = "unclear"
    near = [each for each in every if each.score < lists.threshold][:NEAR_MISSES]
    return NameScreened(
        asked=asked, result=result, matches=tuple(map(likeness, matches)), near=tuple(map(likeness, near))
    )  # fmt: skip


def likeness(match: Match) -> Likeness:
    compared, cleared, listed = match.compared, match.cleared, match.listed
    return Likeness(
        path=match.path, asked=match.asked, source=match.source, uid=listed.uid, kind=listed.kind, name=listed.names[0],
        matched=match.name, how=match.how, score=match.score, standing=match.standing, scope=listed.scope,
        programs=listed.programs, since=listed.since, entry=digest_of(listed),
        pairs=() if compared is None else tuple(
            Pairing(
                asked=each.asked, listed=each.listed, similarity=round(each.similarity, 4), weight=round(each.weight, 4)
            )
            for each in compared.pairs
        ),
        only_asked=() if compared is None else _left(compared.only_asked),
        only_listed=() if compared is None else _left(compared.only_listed),
        cleared_by="" if cleared is None else cleared.by, cleared_until="" if cleared is None else cleared.until,
    )  # fmt: skip


def _left(words: Iterable[tuple[str, float]]) -> tuple[Left, ...]:
    return tuple(Left(word=word, weight=round(weight, 4)) for word, weight in words)


def list_used(each: SanctionsList, sha256: str) -> ListUsed:
    return ListUsed(
        source=each.source, version=each.version, regime=each.regime, whole=each.whole, fresh_until=each.fresh_until,
        entries=len(each.entries), names=sum(len(entry.names) + len(entry.weak) for entry in each.entries),
        sha256=sha256, note=each.note,
    )  # fmt: skip


def why_not(lists: Lists, at: datetime) -> str:
    """Why nobody can be called clear; '' where they can."""
    if not lists.lists:
        return "there are no lists"
    extracts = [each.source for each in lists.lists if not each.whole]
    if extracts:
        return f"{', '.join(extracts)}: an extract, not the whole list; `qx lists import` takes the official ones"
    if lists.fresh_until is not None and at >= lists.fresh_until:
        return f"the lists were to be refreshed by {_text(lists.fresh_until)}"
    return ""


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
