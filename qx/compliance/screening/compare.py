"""Two names held against each other, word by word, and why they score what they score. Pure.

Words are paired: equal ones, then those that are near, then words that are written apart in one name and as one in the
other. What is left over on both sides contradicts, what is left over on one side is only more; both take off, the first
far more. 1 is the same name, 0 nothing in common.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from rapidfuzz.distance import OSA

from qx.compliance.screening.name import Of, Word, analysed

if TYPE_CHECKING:
    from qx.compliance.screening.name import Name

CONTRADICTS = (
    2.2  # what a word's weight counts that has no partner, where the other name has one left over too
)
MORE: dict[Of, float] = {"person": 0.4, "entity": 0.5}  # where it has not
LONG, MIDDLE, LEAST = 9, 5, 4  # letters from which two errors, one, or half a one are near
BONES = 2  # consonants without which two words are alike by their letters only
ONE_ERROR, TWO_ERRORS = 9, 18  # letters of whole names from which that many errors are near
TELLS, ONE_WORD = 0.4, 0.6  # weight of a word that counts as shared; the most that a single one can score
APART = 5  # letters by which the lengths of two words that are near may differ
LONGEST_JOIN = 4  # words written as one


class Pair(NamedTuple):
    """Words of the one and of the other name that were taken for the same."""

    asked: str
    listed: str
    similarity: float
    weight: float


class Compared(NamedTuple):
    """`more`: words that only one of the names has, with their weights; asked ones first."""

    score: float
    pairs: tuple[Pair, ...]
    only_asked: tuple[tuple[str, float], ...]
    only_listed: tuple[tuple[str, float], ...]


def nearness(one: Word, other: Word) -> float:
    """0: not near. Else how near: 1 for the same word. Half of an error in a vowel counts."""
    if one.text == other.text:
        return 1.0
    if one.kind in ("number", "form", "particle") or other.kind in ("number", "form", "particle"):
        return 0.0
    if one.kind == "initial" or other.kind == "initial":
        return 0.7 if one.text[:1] == other.text[:1] else 0.0
    length = min(len(one.text), len(other.text))
    if length < LEAST or max(len(one.text), len(other.text)) - length > APART:
        return 0.0
    allowed = 2.0 if length >= LONG else 1.0 if length >= MIDDLE else 0.5
    bones = (
        0 if one.skeleton == other.skeleton else OSA.distance(one.skeleton, other.skeleton, score_cutoff=2)
    )
    heard = OSA.distance(one.sound, other.sound, score_cutoff=4)
    if heard > 1 and (
        bones > 1 or (bones and length < LONG) or len(one.skeleton) < BONES
    ):  # what no index would find
        return 0.0
    cost = (heard + bones) / 2
    return 0.0 if cost > allowed else 1.0 - max(cost, 0.25) / max(len(one.text), len(other.text))


near = lru_cache(maxsize=131072)(nearness)


def compared(asked: Name, listed: Name) -> Compared:
    """Both taken apart as of one kind."""
    of = asked.of
    pairs, left, right = _paired(list(asked.words), list(listed.words), exact=asked.strict or listed.strict)
    only_asked = tuple((word.spelled, word.weight) for word in left)
    only_listed = tuple((word.spelled, word.weight) for word in right)
    alone, other = sum(weight for _, weight in only_asked), sum(weight for _, weight in only_listed)
    shared = sum(pair.weight for pair in pairs)
    if not shared:
        return Compared(round(_as_a_whole(asked, listed, of), 4), (), only_asked, only_listed)
    contradicts, more = min(alone, other), abs(alone - other)
    alike = sum(pair.weight * pair.similarity for pair in pairs) / shared
    lost = (CONTRADICTS * contradicts + MORE[of] * more) / (shared + contradicts + more)
    score = max(0.0, alike * (1 - lost))
    if left or right:
        score = max(min(score, _ceiling(pairs, asked, listed, of)), _as_a_whole(asked, listed, of))
    return Compared(round(score, 4), tuple(pairs), only_asked, only_listed)


def _as_a_whole(asked: Name, listed: Name, of: Of) -> float:
    """Errors that fall between the words, or into a short one: 'Kim Sko Chol' is 'Kim Sok Chol'."""
    length = min(len(asked.joined), len(listed.joined))
    if length < ONE_ERROR or _digits(asked.joined) != _digits(listed.joined):
        return 0.0
    exact = asked.strict or listed.strict
    allowed = 0 if exact else 2 if of == "person" and length >= TWO_ERRORS else 1
    errors = OSA.distance(asked.joined, listed.joined, score_cutoff=allowed)
    return 0.0 if errors > allowed else 1.0 - max(errors, 0.5) / length


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def _ceiling(pairs: list[Pair], asked: Name, listed: Name, of: Of) -> float:
    """One word is no name: where a person's names share one only, and either has more, they are not the same."""
    telling = sum(pair.weight >= TELLS for pair in pairs)
    several = len(asked.telling) > 1 or len(listed.telling) > 1
    return ONE_WORD if of == "person" and several and telling < 2 else 1.0


def _paired(left: list[Word], right: list[Word], *, exact: bool) -> tuple[list[Pair], list[Word], list[Word]]:
    pairs: list[Pair] = []
    for word in tuple(left):  # equal ones first: the far most of them
        for other in right:
            if other.text == word.text:
                pairs.append(Pair(word.spelled, other.spelled, 1.0, (word.weight + other.weight) / 2))
                left.remove(word)
                right.remove(other)
                break
    if left and right and not exact:
        close = sorted(
            (
                (found, i, j)
                for i, one in enumerate(left)
                for j, other in enumerate(right)
                if (found := near(one, other))
            ),
            key=lambda each: (-each[0], each[1], each[2]),
        )
        used_left: set[int] = set()
        used_right: set[int] = set()
        for similarity, i, j in close:
            if i not in used_left and j not in used_right:
                used_left.add(i)
                used_right.add(j)
                weight = (left[i].weight + right[j].weight) / 2
                pairs.append(Pair(left[i].spelled, right[j].spelled, similarity, weight))
        left = [word for i, word in enumerate(left) if i not in used_left]
        right = [word for j, word in enumerate(right) if j not in used_right]
    if left and right:
        pairs += _joined(left, right)
        pairs += [pair._replace(asked=pair.listed, listed=pair.asked) for pair in _joined(right, left)]
    return pairs, left, right


def _joined(apart: list[Word], whole: list[Word]) -> list[Pair]:
    """Words of `apart` that stand as one in `whole`: taken out of both."""
    found = []
    for one in tuple(whole):
        if len(one.text) >= MIDDLE and (span := _span(apart, one)) is not None:
            words = apart[span]
            similarity = near(one._replace(kind="word"), _as_one("".join(word.text for word in words)))
            weight = max(one.weight, *(word.weight for word in words))
            found.append(Pair(" ".join(word.spelled for word in words), one.spelled, similarity, weight))
            del apart[span]
            whole.remove(one)
    return found


def _span(apart: list[Word], one: Word) -> slice | None:
    """Which words in a row are near this one when they are written without spaces."""
    for start in range(len(apart) - 1):
        for end in range(start + 2, min(len(apart), start + LONGEST_JOIN) + 1):
            text = "".join(word.text for word in apart[start:end])
            if abs(len(text) - len(one.text)) <= 1 and near(one._replace(kind="word"), _as_one(text)):
                return slice(start, end)
    return None


def _as_one(text: str) -> Word:
    return analysed(text, "person").words[0]
