"""Expressions, whatever they are: read or refused at a place; written again, the same; of what is missing, not true."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from qx.kernel.errors import QxError
from qx.kernel.expr import FUNCTIONS, WORDS, Misread, parse
from qx.kernel.expr_tree import Binary, Call, Index, Items, Literal, Member, Name, Node, Unary, written
from qx.kernel.expr_value import MISSING, Missing, evaluate

NAMES = st.sampled_from(["a", "b", "clusters", "x_1"]).filter(lambda name: name not in WORDS)
SCALARS = (
    st.booleans() | st.integers(0, 10**15) | st.text("ab\"'\\\n\té", max_size=6)
    | st.floats(0, 1e12, allow_nan=False).map(lambda x: round(x, 6))
)  # fmt: skip


def grown(below: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    calls = st.sampled_from(sorted(FUNCTIONS)).flatmap(
        lambda name: st.lists(below, min_size=FUNCTIONS[name][0], max_size=FUNCTIONS[name][1] or 3).map(
            lambda given: Call(name, tuple(given))
        )
    )
    ops = st.sampled_from(["or", "and", "==", "!=", "<", ">=", "in", "not in", "+", "-", "*", "/", "%"])
    return st.one_of(
        st.builds(Member, below, NAMES), st.builds(Index, below, below),
        st.builds(Items, st.lists(below, max_size=3).map(tuple)), calls,
        st.builds(Unary, st.sampled_from(["not", "-"]), below), st.builds(Binary, ops, below, below),
    )  # fmt: skip


LEAVES: st.SearchStrategy[Node] = st.builds(Literal, SCALARS) | st.builds(Name, NAMES)
TREES: st.SearchStrategy[Node] = st.recursive(LEAVES, grown, max_leaves=12)
WORDS_OF_IT = [
    "a", ".", "[", "]", "(", ")", "and", "or", "not", "in", "==", "<", "+", "-", "1", "30s", '"t"', ",", "len(", "%",
]
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "x_1"]), below, max_size=3),
    max_leaves=6,
)


@given(TREES)
def test_written_and_read_again_it_is_the_same(tree: Node) -> None:
    try:
        assert parse(written(tree)) == tree
    except Misread as refused:  # it may only be too deep
        assert "nested" in refused.plain  # noqa: PT017 - not every tree is refused


@given(st.text(max_size=80) | st.lists(st.sampled_from(WORDS_OF_IT), max_size=20).map(" ".join))
def test_any_text_is_read_or_refused_at_a_place_in_it(text: str) -> None:
    try:
        tree = parse(text)
    except Misread as refused:
        assert 0 <= refused.span.start <= len(text)  # noqa: PT017 - not every text is refused
    else:
        assert parse(written(tree)) == tree


@given(TREES, st.dictionaries(st.sampled_from(["a", "b", "clusters", "x_1"]), PLAIN))
def test_over_any_data_there_is_a_value_or_a_refusal(tree: Node, data: dict[str, Any]) -> None:
    try:
        value = evaluate(tree, data)
    except QxError as refused:
        assert refused.code == "QX-EXPR-002"  # noqa: PT017 - as above
    else:
        assert value is not None
        assert isinstance(value, (bool, int, float, str, list, dict, Missing))
        assert not isinstance(value, float) or value == value  # noqa: PLR0124 - no NaN


@given(TREES)
def test_with_nothing_known_nothing_becomes_true_by_being_negated(tree: Node) -> None:
    """Either both a condition and its negation can be told, or neither can."""
    try:
        one, other = evaluate(tree, {}), evaluate(Unary("not", tree), {})
    except QxError:
        return
    assert (one is MISSING) == (other is MISSING)
    assert one is MISSING or one is not other
