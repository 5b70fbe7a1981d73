"""Names: spellings and scripts fold into one; two names score by what tells, and say why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from qx.compliance.names import folded, normal
from qx.compliance.screening.compare import Compared, compared, near
from qx.compliance.screening.index import Index, build, keys
from qx.compliance.screening.keyed import Keyed, pair, table
from qx.compliance.screening.lists import THRESHOLD
from qx.compliance.screening.name import Of, name_of, plain


@pytest.mark.parametrize(("name", "text"), [
    ("FUTURE BANK B.S.C.", "future bank bsc"), ("Al-Qa’ida", "al qaida"), ("Роснефть Трейдинг", "rosneft treyding"),
    ("Κυριάκος Μητσοτάκης", "kyriakos mitsotakis"), ("محمد بن سلمان", "mhmd bn slman"),
    ("Müller & Söhne", "muller and sohne"),
    ("ბარაკ ობამა", "barak obama"), ("Deutsche Bank's", "deutsche bank"), ("  _ENERGY_CORP_BH ", "energy corp bh"),
    ("Işın", "isin"), ("", ""), ("\u202e!?", ""),
])  # fmt: skip
def test_scripts_and_accents_fold_to_latin_letters(name: str, text: str) -> None:
    assert folded(name) == text


@given(st.text(max_size=60))
def test_whatever_is_folded_is_folded_already(name: str) -> None:
    once = folded(name)
    assert folded(once) == once
    assert all(letter == " " or (letter.isascii() and letter.isalnum()) for letter in once)


def test_legal_forms_have_one_spelling() -> None:
    assert normal("Gulf Oil Co. Ltd.") == normal("GULF OIL COMPANY LIMITED")


def score(one: str, other: str, of: Of) -> float:
    return held(one, other, of).score


def held(one: str, other: str, of: Of) -> Compared:
    return compared(name_of(one, of), name_of(other, of))


SAME: list[tuple[str, str, Of]] = [
    ("Harbour Lane Trading LLC", "Harbor Lane Trading L.L.C.", "entity"),
    ("Brightwatter Shipping", "BRIGHTWATER SHIPPING", "entity"),
    ("Van der Hoeven BV", "Vanderhoeven B.V.", "entity"),
    ("OAO Severneft", "Open Joint Stock Company Severneft", "entity"),
    ("ANDREYEVICH, Pavel", "Pavel Andreyevich", "person"),
    ("Pavel Ivanovich Morozov", "Pavel Morozov", "person"),
    ("Павел Морозов", "Pavel Morozov", "person"),
    ("PavelMorozov", "Pavel Morozov", "person"),
    ("Muhammad Yusuf al-Hadi", "Mohamed Yousef el Hadi", "person"),
    ("Dr. Pavel Morozov", "Pavel Morozov", "person"),
]
OTHERS: list[tuple[str, str, Of]] = [
    ("National Italian Oil Company", "NATIONAL IRANIAN OIL COMPANY", "entity"),
    ("Chevron Products Company", "GHAED BASSIR PETROCHEMICAL PRODUCTS COMPANY", "entity"),
    ("ENERGY_CORP_BH", "ENERGY GLOBAL CORPORATION", "entity"),
    ("LXC Marine", "LAU Marine", "entity"),
    ("A.B.C. Company", "C.B.A. Company", "entity"),
    ("Granary Bank AG", "Westerly Bank AG", "entity"),
    ("Granary Gas 12", "Granary Gas 14", "entity"),
    ("Pavel Morozov", "Boris Morozov", "person"),
    ("Pavel Petrovich Morozov", "Pavel Ivanovich Morozov", "person"),
    ("Morozov", "Pavel Ivanovich Morozov", "person"),
]


@pytest.mark.parametrize(("one", "other", "of"), SAME)
def test_spellings_of_one_name_are_near(one: str, other: str, of: Of) -> None:
    assert score(one, other, of) >= THRESHOLD
    assert score(other, one, of) >= THRESHOLD


@pytest.mark.parametrize(("one", "other", "of"), OTHERS)
def test_names_that_share_what_tells_little_are_not(one: str, other: str, of: Of) -> None:
    assert score(one, other, of) < THRESHOLD


def test_what_matched_and_what_is_left_over_is_told() -> None:
    found = held("Brightwatter Shipping Dubai", "BRIGHTWATER SHIPPING LIMITED", "entity")
    assert [(each.asked, each.listed) for each in found.pairs] == [
        ("shipping", "shipping"), ("brightwatter", "brightwater"),
    ]  # fmt: skip
    assert [word for word, _ in found.only_asked] == ["dubai"]
    assert [word for word, _ in found.only_listed] == ["limited"]


WORDS = st.text("aeioubdfghklmnprstwyz", min_size=4, max_size=14)


@st.composite
def spelled(draw: st.DrawFn) -> tuple[str, str]:
    """A word, and it with up to three letters changed."""
    word = draw(WORDS)
    letters = list(word)
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(letters) - 1))
        letters[place : place + draw(st.integers(0, 1))] = draw(st.text("aeiouhnrst", max_size=1))
        if not letters:
            break
    return word, "".join(letters) or word


@given(spelled())
def test_words_that_are_near_share_a_key(words: tuple[str, str]) -> None:
    one, other = map(plain, words)
    assert not near(one, other) or keys(one) & keys(other)


@given(spelled())
def test_what_is_not_measured_would_not_have_been_near(words: tuple[str, str]) -> None:
    one, other = map(plain, words)
    length, longer = sorted(map(len, words))
    heard, broken = OSA.distance(one.sound, other.sound), OSA.distance(one.skeleton, other.skeleton)
    found = heard < 2 or (len(one.skeleton) > 1 and (not broken or (broken == 1 and length > 8)))
    cost = (heard + min(broken, 3)) / 2
    allowed = 2 if length > 8 else 1 if length > 4 else 0.5
    is_near = length > 3 and longer - length < 6 and found and cost <= allowed
    assert near(one, other) == (1 if words[0] == words[1] else is_near and 1 - max(cost, 0.25) / longer)


@given(st.lists(spelled(), min_size=1, max_size=12))
def test_the_index_knows_every_word_that_is_near(pairs: list[tuple[str, str]]) -> None:
    asked, listed = zip(*pairs, strict=True)
    words = list(dict.fromkeys(word.text for each in listed for word in name_of(each, "person").telling))
    index = Index(build([(each, "person") for each in listed]))
    for each in asked:
        found = [n for n, word in enumerate(words) if near(plain(each), plain(word))]
        assert sorted(index.near(each)) == found


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1) | st.integers(0, 3), st.integers(0, 9)), max_size=30))
def test_a_table_holds_what_a_dict_would(pairs: list[tuple[int, int]]) -> None:
    under = Keyed(table([pair(*each) for each in pairs])).under
    for key in {key for key, _ in pairs} | {5}:
        assert under([key]) == {value for other, value in pairs if other == key}


@given(spelled())
def test_near_is_mutual(words: tuple[str, str]) -> None:
    one, other = map(plain, words)
    assert near(one, other) == near(other, one)
