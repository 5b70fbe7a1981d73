"""Where to look: which listed names may come near a name, without holding it against all of them. Pure.

Every listed word stands under the keys of its spellings with one letter left out, and of its consonants; a word asked
for is looked up under its own. What `compare.nearness` calls near always shares a key: nothing that counts is lost.
A listed name is worth a look where it shares two telling words with the one asked for, or one where either has no more,
or where the two are much the same when written without spaces.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, get_args
from zlib import crc32

from msgspec import Struct

from qx.compliance.names import normal
from qx.compliance.screening.compare import APART, BONES, LEAST, LONG, ONE_ERROR, nearness
from qx.compliance.screening.name import Of, Word, alternatives, analysed
from qx.compliance.screening.sound import skeleton, sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from qx.compliance.screening.name import Name

LOOKED_AT, FEW = 40, 10  # names at most that are compared word by word; so few are compared all
ALIKE = 45.0  # sorted words, 0 to 100: names below are not
WORD, SOUND, BONE, BONE_LESS = range(4)  # what a key is of: keys of two kinds are not alike
JOINED = 6  # letters of a name written as one word
OFS: tuple[Of, ...] = get_args(Of)


class Line(NamedTuple):
    """A listed name, folded. `number`: which it is of, where one name is several."""

    text: str
    of: Of
    number: int


class State(Struct, frozen=True):
    """An index as bytes, for a cache: arrays of 32-bit numbers in this machine's order, texts one to a line."""

    texts: str
    ofs: bytes
    lines: bytes  # which name each line is of
    same: str  # names normalised, and again with the family name last
    same_of: bytes  # which name each of those is of
    words: str
    starts: bytes  # of each word's postings
    postings: bytes
    keys: bytes
    numbers: bytes
    joined: bytes
    places: bytes


class Index:
    """Over the lines that it was built of, by their place."""

    def __init__(self, state: State) -> None:
        self.state = state
        texts = state.texts.split("\n") if state.texts else []
        self.lines = [
            Line(*line)
            for line in zip(texts, (OFS[of] for of in state.ofs), _numbers(state.lines), strict=True)
        ]
        self._words = state.words.split("\n") if state.words else []
        self._starts, self._postings = _numbers(state.starts), _numbers(state.postings)
        self._keys, self._of_key = _numbers(state.keys), _numbers(state.numbers)
        self._joined, self._places = _numbers(state.joined), _numbers(state.places)
        self._bits: dict[str, int] = {}

    @cached_property
    def _single(self) -> int:
        """Lines with one telling word at most."""
        count = bytearray(len(self.lines))
        for place in self._postings:
            count[place] = min(count[place] + 1, 2)
        return sum(1 << place for place, words in enumerate(count) if words < 2)

    @cached_property
    def _lines_of(self) -> dict[Of, int]:
        """By kind: its lines, a bit each."""
        found = {of: bytearray(len(self.lines) // 8 + 1) for of in OFS}
        for place, line in enumerate(self.lines):
            found[line.of][place >> 3] |= 1 << (place & 7)
        return {of: int.from_bytes(bits, "little") for of, bits in found.items()}

    def places(self, asked: Name, candidates: int) -> list[int]:
        """Those of the candidates that are of the same kind and look most alike."""
        found = list(_places(candidates & self._lines_of[asked.of]))
        if len(found) <= FEW:
            return found
        from rapidfuzz import fuzz, process

        choices = {place: _in_order(self.name(place)) for place in found}
        alike = process.extract(
            _in_order(asked), choices, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=LOOKED_AT
        )
        return [place for _, _, place in alike]

    def name(self, place: int) -> Name:
        line = self.lines[place]
        return analysed(line.text, line.of)

    @cached_property
    def _same(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        texts = self.state.same.split("\n") if self.state.same else []
        for text, number in zip(texts, _numbers(self.state.same_of), strict=True):
            found.setdefault(text, []).append(number)
        return found

    def same(self, text: str) -> list[int]:
        """The numbers of the names that are this one when normalised."""
        return self._same.get(text, [])

    def candidates(self, asked: Name) -> int:
        """The lines that are worth a look, a bit each."""
        some = both = 0
        telling = asked.telling
        specific = [word for word in telling if word.kind != "generic"]
        for word in specific:
            bits = self._of_word(word.text)
            both |= some & bits
            some |= bits
        own = some
        for word in telling:
            if word.kind == "generic":
                bits = self._of_word(word.text)
                both |= (own if specific else some) & bits
                some |= bits
        found = both
        if some:
            found |= some if len(telling) == 1 else some & self._single
        for place in _under(joined_keys(asked), self._joined, self._places):
            found |= 1 << place
        return found

    def _of_word(self, text: str) -> int:
        """Which lines have a word near this one, a bit each."""
        bits = self._bits.get(text)
        if bits is None:
            bits = self._of_postings(self.near(text))
            if len(self._bits) > MOST_WORDS:
                self._bits.clear()
            self._bits[text] = bits
        return bits

    def _of_postings(self, numbers: Iterable[int]) -> int:
        bits = bytearray(len(self.lines) // 8 + 1)
        for number in numbers:
            for place in self._postings[self._starts[number] : self._starts[number + 1]]:
                bits[place >> 3] |= 1 << (place & 7)
        return int.from_bytes(bits, "little")

    def near(self, text: str) -> list[int]:
        """Of the listed words, the numbers of those that are near."""
        word = plain(text)
        found = _under(keys(word), self._keys, self._of_key)
        length = len(text)
        return sorted(
            number
            for number in found
            if abs(len(other := self._words[number]) - length) <= APART and nearness(word, plain(other))
        )


MOST_WORDS = 16384  # whose lines are remembered


def _under(wanted: set[int], keys: array[int], values: array[int]) -> set[int]:
    """What stands under these keys. `keys`: in order."""
    found = set()
    end = len(keys)
    for key in wanted:
        place = bisect_left(keys, key)
        while place < end and keys[place] == key:
            found.add(values[place])
            place += 1
    return found


def build(names: Sequence[tuple[str, Of]]) -> State:
    """Of these names, as they stand on their lists."""
    lines = [Line(text, of, number) for number, (name, of) in enumerate(names) for text in alternatives(name)]
    same = [(text, number) for number, (name, of) in enumerate(names) for text in _spelled(name, of)]
    words: dict[str, list[int]] = {}
    joined: list[tuple[int, int]] = []
    for place, line in enumerate(lines):
        name = analysed(line.text, line.of)
        for word in dict.fromkeys(word.text for word in name.telling):
            words.setdefault(word, []).append(place)
        joined += [(key, place) for key in joined_keys(name)]
    postings, starts = array("I"), array("I", [0])
    of_key: dict[int, list[int]] = defaultdict(list)
    for number, (word, places) in enumerate(words.items()):
        postings.extend(places)
        starts.append(len(postings))
        for key in keys(plain(word)):
            of_key[key].append(number)
    pairs = [(key, number) for key in sorted(of_key) for number in of_key[key]]
    joined.sort()
    return State(
        texts="\n".join(line.text for line in lines), ofs=bytes(OFS.index(line.of) for line in lines),
        lines=_bytes(line.number for line in lines), same="\n".join(text for text, _ in same),
        same_of=_bytes(number for _, number in same),
        words="\n".join(words), starts=starts.tobytes(), postings=postings.tobytes(),
        keys=_bytes(key for key, _ in pairs), numbers=_bytes(number for _, number in pairs),
        joined=_bytes(key for key, _ in joined), places=_bytes(place for _, place in joined),
    )  # fmt: skip


def _spelled(name: str, of: Of) -> set[str]:
    """'PUTIN, Vladimir' is 'Vladimir Putin' too."""
    last, comma, first = name.partition(",")
    return {normal(name), *((normal(f"{first} {last}"),) if comma and of == "person" else ())} - {""}


@lru_cache(maxsize=65536)
def plain(text: str) -> Word:
    """The word as such, whatever it tells."""
    heard = sound(text)
    return Word(text, "number" if text.isdigit() else "word", 1.0, heard, skeleton(heard), text)


def keys(word: Word) -> set[int]:
    """Under which a word stands and is looked up; two that are near share one."""
    found = {_hash(WORD, word.text)}
    if len(word.text) < LEAST or word.kind != "word":
        return found
    found.update(_hash(SOUND, text) for text in _shortened(word.sound))
    if len(word.skeleton) >= BONES:
        found.add(_hash(BONE, word.skeleton))
    if len(word.text) >= LONG:
        found.update(_hash(BONE_LESS, text) for text in _shortened(word.skeleton))
    return found


def joined_keys(name: Name) -> set[int]:
    """Of what it may be written as without a space: the whole, with an error too, and two words in a row."""
    found = set()
    if len(name.joined) >= JOINED:
        bones = skeleton(sound(name.joined))
        found.add(_hash(BONE, bones))
        if len(name.joined) >= ONE_ERROR:
            found.update(_hash(BONE_LESS, text) for text in _shortened(bones))
    words = [word.text for word in name.words if word.kind not in ("form", "title")]
    if len(words) > 2:
        found.update(
            _hash(BONE, skeleton(sound(one + other)))
            for one, other in pairwise(words)
            if len(one) + len(other) >= JOINED
        )
    return found


def _shortened(text: str) -> set[str]:
    """Itself, and itself without one letter."""
    return {text, *(text[:place] + text[place + 1 :] for place in range(len(text)))}


def _hash(kind: int, text: str) -> int:
    return crc32(text.encode(), kind)


def _in_order(name: Name) -> str:
    return " ".join(sorted(name.key.split()))


def _places(bits: int) -> Iterator[int]:
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def _numbers(data: bytes) -> array[int]:
    found = array("I")
    found.frombytes(data)
    return found


def _bytes(numbers: Iterable[int]) -> bytes:
    return array("I", numbers).tobytes()
