"""Where to look: which listed names may come near a name, without holding it against all of them. Pure.

Every listed word stands under the keys of its spellings with one letter left out, and of its consonants; a word asked
for is looked up under its own. What `compare.near` calls near always shares a key: nothing that counts is lost.
A listed name is worth a look where it shares two telling words with the one asked for, or one where either has no more,
or where the two are much the same when written without spaces.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, get_args
from zlib import crc32

from msgspec import Struct

from qx.compliance.names import normal
from qx.compliance.screening.compare import BONES, LEAST, LONG, ONE_ERROR, SHORT, nearness
from qx.compliance.screening.keyed import Keyed, Table, numbers, pair, table
from qx.compliance.screening.name import Of, Word, alternatives, analysed, plain
from qx.compliance.screening.sound import skeleton, sound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from qx.compliance.screening.name import Name

FORM = "2"  # of what is cached: raised whenever `State` changes, or what it is made of
LOOKED_AT, FEW = 40, 10  # names at most that are compared word by word; so few are compared all
ALIKE = 45.0  # sorted words, 0 to 100: names below are not
MOST_WORDS = 16384  # whose lines are remembered
WORD, SOUND, BONE, BONE_LESS = range(4)  # what a key is of: keys of two kinds are not alike
JOINED = 6  # letters of a name written as one word
OFS: tuple[Of, ...] = get_args(Of)


class State(Struct, frozen=True):
    """An index as bytes, for a cache: arrays of 32-bit numbers in this machine's order, texts one to a line. A line is
    a listed name, folded; of what states several names there are several.
    """

    texts: str
    ordered: str  # their words in order
    ofs: bytes
    single: bytes  # 1 for each line with one telling word at most
    lines: bytes  # which name each line is of
    same: str  # names normalised, and again with the family name last, in order
    same_of: bytes  # which name each of those is of
    words: str
    sounds: str
    skeletons: str
    ends: tuple[bytes, bytes]  # first and last letter of each sound
    starts: bytes  # of each word's postings
    postings: bytes
    keys: Table  # of words
    joined: Table  # of lines


class Index:
    """Over the lines that it was built of, by their place."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.numbers = numbers(state.lines)  # line -> which name it is of
        self._texts = state.texts.split("\n")
        self._words, self._starts = state.words.split("\n"), numbers(state.starts)
        self._postings = numbers(state.postings)
        self._sounds, self._skeletons = state.sounds.split("\n"), state.skeletons.split("\n")
        self._keys, self._joined = Keyed(state.keys), Keyed(state.joined)
        self._same, self._same_of = state.same.split("\n"), numbers(state.same_of)
        self._single = _bits(state.single)
        entities = _bits(state.ofs)
        self._of: dict[Of, int] = {"entity": entities, "person": (1 << len(state.ofs)) - 1 ^ entities}
        self._bits: dict[str, int] = {}
        self._names: list[Name | None] = [None] * len(self.numbers)
        self._ordered = state.ordered.split("\n")

    def places(self, asked: Name, candidates: int) -> list[int]:
        """Those of the candidates that are of the same kind and look most alike."""
        candidates &= self._of[asked.of]
        if not candidates:
            return []
        found = _places(candidates)
        if len(found) <= FEW:
            return found
        from rapidfuzz import fuzz, process

        choices = {place: self._ordered[place] for place in found}
        alike = process.extract(
            _in_order(asked), choices, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=LOOKED_AT
        )
        return [place for _, _, place in alike]

    def name(self, place: int) -> Name:
        found = self._names[place]
        if found is None:
            found = self._names[place] = analysed(self._texts[place], OFS[self.state.ofs[place]])
        return found

    def same(self, text: str) -> list[int]:
        """The numbers of the names that are this one when normalised."""
        place = bisect_left(self._same, text)
        found = []
        while text and place < len(self._same) and self._same[place] == text:
            found.append(self._same_of[place])
            place += 1
        return found

    def candidates(self, asked: Name) -> int:
        """The lines that are worth a look for their words, a bit each."""
        some = both = 0
        telling = asked.telling
        specific = [word for word in telling if word.kind != "generic"]
        for word in specific:
            bits = self._of_word(word.text)
            both |= some & bits
            some |= bits
        own = some
        if len(specific) < len(telling):
            for word in telling:
                if word.kind == "generic":
                    bits = self._of_word(word.text)
                    both |= (own if specific else some) & bits
                    some |= bits
        return both | (some if len(telling) == 1 else some & self._single)

    def joined(self, asked: Name) -> int:
        """The lines that are worth a look for what they are when written without spaces, a bit each."""
        found = 0
        for place in self._joined.under(joined_keys(asked)):
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

    def _of_postings(self, found: Iterable[int]) -> int:
        starts = self._starts
        places = [each for number in found for each in self._postings[starts[number] : starts[number + 1]]]
        if not places:
            return 0
        bits = bytearray((max(places) >> 3) + 1)
        for place in places:
            bits[place >> 3] |= 1 << (place & 7)
        return int.from_bytes(bits, "little")

    def near(self, text: str) -> list[int]:
        """Of the listed words, the numbers of those that are near."""
        word = plain(text)
        heard, bones, exact = word.sound, word.skeleton, word.kind == "number"
        words, sounds, skeletons = self._words, self._sounds, self._skeletons
        found: Iterable[int] = self._keys.under(keys(word))
        if len(text) < LONG and len(heard) > SHORT:  # what else `nearness` says no to, without asking it
            (firsts, lasts), first, last = self.state.ends, ord(heard[0]), ord(heard[-1])
            found = [
                each
                for each in found
                if firsts[each] == first or lasts[each] == last or skeletons[each] == bones
            ]
        return [
            number
            for number in found
            if (other := words[number]) == text
            or (
                not exact
                and nearness(text, heard, bones, other, sounds[number], skeletons[number])
                and not other.isdigit()
            )
        ]


def build(names: Sequence[tuple[str, Of]]) -> State:
    """Of these names, as they stand on their lists."""
    lines = [(text, of, number) for number, (name, of) in enumerate(names) for text in alternatives(name)]
    same = sorted((text, number) for number, (name, of) in enumerate(names) for text in _spelled(name, of))
    words: dict[str, list[int]] = {}
    joined: list[int] = []
    ordered: list[str] = []
    single = bytearray(len(lines))
    for place, (text, of, _) in enumerate(lines):
        name = analysed(text, of)
        ordered.append(_in_order(name))
        telling = {word.text: None for word in name.telling}
        single[place] = len(telling) < 2
        for each in telling:
            words.setdefault(each, []).append(place)
        joined += [pair(key, place) for key in joined_keys(name)]
    postings, starts = array("I"), array("I", [0])
    of_key: list[int] = []
    for number, (each, places) in enumerate(words.items()):
        postings.extend(places)
        starts.append(len(postings))
        of_key += [pair(key, number) for key in keys(plain(each))]
    sounds = [plain(word).sound for word in words]
    return State(
        texts="\n".join([text for text, _, _ in lines]), ordered="\n".join(ordered),
        ofs=bytes([OFS.index(of) for _, of, _ in lines]), single=bytes(single),
        lines=array("I", [number for _, _, number in lines]).tobytes(),
        same="\n".join([text for text, _ in same]), same_of=array("I", [number for _, number in same]).tobytes(),
        words="\n".join(words), sounds="\n".join(sounds),
        ends=("".join([each[0] for each in sounds]).encode(), "".join([each[-1] for each in sounds]).encode()),
        skeletons="\n".join([plain(word).skeleton for word in words]),
        starts=starts.tobytes(), postings=postings.tobytes(), keys=table(of_key), joined=table(joined),
    )  # fmt: skip


def _spelled(name: str, of: Of) -> set[str]:
    """'PUTIN, Vladimir' is 'Vladimir Putin' too."""
    last, comma, first = name.partition(",")
    return {normal(name), *((normal(f"{first} {last}"),) if comma and of == "person" else ())} - {""}


def keys(word: Word) -> set[int]:
    """Under which a word stands and is looked up; two that are near share one."""
    found = {crc32(word.text.encode(), WORD)}
    if len(word.text) < LEAST or word.kind != "word":
        return found
    found.update(_shortened(SOUND, word.sound))
    if len(word.skeleton) >= BONES:
        found.add(crc32(word.skeleton.encode(), BONE))
    if len(word.text) >= LONG:
        found.update(_shortened(BONE_LESS, word.skeleton))
    return found


def joined_keys(name: Name) -> set[int]:
    """Of what it may be written as without a space: the whole, with an error too, and two words in a row."""
    found = set()
    if len(name.joined) >= JOINED:
        bones = skeleton(sound(name.joined))
        found.add(crc32(bones.encode(), BONE))
        if len(name.joined) >= ONE_ERROR:
            found.update(_shortened(BONE_LESS, bones))
    if len(name.bare) > 2:
        for one, other in pairwise(name.bare):
            if len(one) + len(other) >= JOINED:
                found.add(_bone(one + other))
    return found


@lru_cache(maxsize=65536)
def _bone(text: str) -> int:
    return crc32(skeleton(sound(text)).encode(), BONE)


def _shortened(kind: int, text: str) -> list[int]:
    """Keys of itself, and of itself without one letter."""
    data = text.encode()
    found = [crc32(data[:place] + data[place + 1 :], kind) for place in range(len(data))]
    found.append(crc32(data, kind))
    return found


def _in_order(name: Name) -> str:
    return " ".join(sorted([word.text for word in name.words if word.kind != "title"]))


def _places(bits: int) -> list[int]:
    found = []
    while bits:  # from the highest on: the number gets shorter
        place = bits.bit_length() - 1
        found.append(place)
        bits ^= 1 << place
    return found[::-1]


_DIGITS = bytes.maketrans(b"\x00\x01", b"01")


def _bits(flags: bytes) -> int:
    """A bit for each byte, which is 0 or 1; the first is the lowest."""
    return int(flags[::-1].translate(_DIGITS) or b"0", 2)
