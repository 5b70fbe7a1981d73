"""Two names held against each other, word by word, and why they score what they score. Pure.

Words are paired: equal ones, then those that are near, then words that are written apart in one name and as one in the
other. What is left over on both sides contradicts, what is left over on one side is only more; both take off, the first
far more. 1 is the same name, 0 nothing in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace
from rapidfuzz.distance import OSA

from qx.compliance.screening.name import Of, Word, word_of

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
SHORT = 2  # letters of a sound of which one error may touch both ends, as it may not of a longer one
LONGEST_JOIN = 4  # words written as one
EXACT = frozenset({"number", "form", "particle"})  # of which nothing is near but the same


class Pair(Struct, frozen=True, gc=False):
    """Words of the one and of the other name that were taken for the same."""

    asked: str
    listed: str
    similarity: float
    weight: float


class Compared(Struct, frozen=True, gc=False):
    """`more`: words that only one of the names has, with their weights; asked ones first."""

    score: float
    pairs: tuple[Pair, ...]
    only_asked: tuple[tuple[str, float], ...]
    only_listed: tuple[tuple[str, float], ...]


def near(one: Word, other: Word) -> float:
    """0: not near. Else how near: 1 for the same word."""
    if one.text == other.text:
        return 1.0
    if one.kind in EXACT or other.kind in EXACT:
        return 0.0
    if one.kind == "initial" or other.kind == "initial":
        return 0.7 if one.text[:1] == other.text[:1] else 0.0
    return nearness(one.text, one.sound, one.skeleton, other.text, other.sound, other.skeleton)


def nearness(text: str, sound: str, bones: str, other: str, other_sound: str, other_bones: str) -> float:
    """As `near`, of two different words, their sounds and skeletons. Half of an error in a vowel counts."""
    length, longer = len(text), len(other)
    if length > longer:
        length, longer = longer, length
    if length < LEAST or longer - length > APART:
        return 0.0
    if bones == other_bones:
        broken = 0
        most = (4 if length >= LONG else 2 if length >= MIDDLE else 1) if len(bones) >= BONES else 1
    elif length < LONG or len(bones) < BONES:
        if not -2 < len(sound) - len(other_sound) < 2:  # more than one error: what no index would find
            return 0.0
        if sound[0] != other_sound[0] and sound[-1] != other_sound[-1] and len(sound) > SHORT:
            return 0.0
        broken, most = OSA.distance(bones, other_bones, score_cutoff=2), 1
    else:
        broken = OSA.distance(bones, other_bones, score_cutoff=2)
        most = 4 if broken < 2 else 1
    heard = OSA.distance(sound, other_sound, score_cutoff=most)
    cost = (heard + broken) / 2
    if heard > most or cost > (2.0 if length >= LONG else 1.0 if length >= MIDDLE else 0.5):
        return 0.0
    return 1.0 - max(cost, 0.25) / longer


def compared(asked: Name, listed: Name) -> Compared:
    """Both taken apart as of one kind."""
    of = asked.of
    pairs, left, right = _paired(list(asked.words), list(listed.words), exact=asked.strict or listed.strict)
    only_asked = tuple([(word.spelled, word.weight) for word in left])
    only_listed = tuple([(word.spelled, word.weight) for word in right])
    alone, other = sum([word.weight for word in left]), sum([word.weight for word in right])
    shared = sum([pair.weight for pair in pairs])
    if not shared:
        return Compared(round(_as_a_whole(asked, listed, of), 4), (), only_asked, only_listed)
    contradicts, more = min(alone, other), abs(alone - other)
    alike = sum([pair.weight * pair.similarity for pair in pairs]) / shared
    lost = (CONTRADICTS * contradicts + MORE[of] * more) / (shared + contradicts + more)
    score = max(0.0, alike * (1 - lost))
    if left or right:
        score = max(min(score, _ceiling(pairs, asked, listed, of)), _as_a_whole(asked, listed, of))
    return Compared(round(score, 4), tuple(pairs), only_asked, only_listed)


def _as_a_whole(asked: Name, listed: Name, of: Of) -> float:
    """Errors that fall between the words, or into a short one: 'Kim Sko Chol' is 'Kim Sok Chol'."""
    length = min(len(asked.joined), len(listed.joined))
    if length < ONE_ERROR:
        return 0.0
    exact = asked.strict or listed.strict
    allowed = 0 if exact else 2 if of == "person" and length >= TWO_ERRORS else 1
    errors = OSA.distance(asked.joined, listed.joined, score_cutoff=allowed)
    if errors > allowed or _digits(asked.joined) != _digits(listed.joined):
        return 0.0
    return 1.0 - max(errors, 0.5) / length


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def _ceiling(pairs: list[Pair], asked: Name, listed: Name, of: Of) -> float:
    """One word is no name: where a person's names share one only, and either has more, they are not the same."""
    telling = sum(pair.weight >= TELLS for pair in pairs)
    several = len(asked.telling) > 1 or len(listed.telling) > 1
    return ONE_WORD if of == "person" and several and telling < 2 else 1.0


def _paired(left: list[Word], right: list[Word], *, exact: bool) -> tuple[list[Pair], list[Word], list[Word]]:
    pairs: list[Pair] = []
    texts = [word.text for word in right]
    for word in tuple(left):  # equal ones first: the far most of them
        if word.text in texts:
            place = texts.index(word.text)
            del texts[place]
            other = right.pop(place)
            left.remove(word)
            pairs.append(Pair(word.spelled, other.spelled, 1.0, (word.weight + other.weight) / 2))
    if left and right and not exact:
        others = [(j, other) for j, other in enumerate(right) if other.kind not in EXACT]
        close = [
            (-found, i, j)
            for i, one in enumerate(left)
            if one.kind not in EXACT
            for j, other in others
            if (found := near(one, other))
        ]
        if close:
            left, right = _closest(sorted(close), pairs, left, right)
    if left and right:
        pairs += _joined(left, right)
        pairs += [
            Pair(each.listed, each.asked, each.similarity, each.weight) for each in _joined(right, left)
        ]
    return pairs, left, right


def _closest(
    close: list[tuple[float, int, int]], pairs: list[Pair], left: list[Word], right: list[Word]
) -> tuple[list[Word], list[Word]]:
    """Pairs the nearest, each word once; what is left over. `close`: how near, negative, and their places."""
    used_left: set[int] = set()
    used_right: set[int] = set()
    for similarity, i, j in close:
        if i not in used_left and j not in used_right:
            used_left.add(i)
            used_right.add(j)
            weight = (left[i].weight + right[j].weight) / 2
            pairs.append(Pair(left[i].spelled, right[j].spelled, -similarity, weight))
    return (
        [word for i, word in enumerate(left) if i not in used_left],
        [word for j, word in enumerate(right) if j not in used_right],
    )


def _joined(apart: list[Word], whole: list[Word]) -> list[Pair]:
    """Words of `apart` that stand as one in `whole`: taken out of both."""
    found = []
    runs = _runs(apart)
    for one in tuple(whole) if runs else ():
        letters = len(one.text)
        if letters < MIDDLE:
            continue
        for start, end, length in runs:
            if -2 < length - letters < 2 and (similarity := _as_one(apart[start:end], one)):
                words = apart[start:end]
                weight = max([one.weight, *(word.weight for word in words)])
                apart_as = " ".join([word.spelled for word in words])
                found.append(Pair(apart_as, one.spelled, similarity, weight))
                del apart[start:end]
                whole.remove(one)
                runs = _runs(apart)
                break
    return found


def _runs(words: list[Word]) -> list[tuple[int, int, int]]:
    """Start, end and letters of what may be written as one: some words in a row."""
    found = []
    for start in range(len(words) - 1):
        letters = len(words[start].text)
        for end in range(start + 2, min(len(words), start + LONGEST_JOIN) + 1):
            letters += len(words[end - 1].text)
            found.append((start, end, letters))
    return found


def _as_one(words: list[Word], one: Word) -> float:
    """How near the words are to this one when they are written without spaces."""
    return near(replace(one, kind="word"), word_of("".join([word.text for word in words]), "person"))
