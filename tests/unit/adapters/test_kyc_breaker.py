"""The circuit breaker: closed, open, half open; one tries, the others wait for what it finds."""

from __future__ import annotations

import pytest

from qx.adapters.kyc.breaker import Breaker


class Hand:
    at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
def opened(hand: Hand) -> Breaker:
    breaker = Breaker(3, 10.0, hand)
    for _ in range(3):
        assert breaker.admits()
        breaker.failed(probe=False)
    return breaker


def test_failures_in_a_row_open_it(opened: Breaker) -> None:
    assert opened.is_open
    assert not opened.admits()


def test_a_success_between_keeps_it_closed(hand: Hand) -> None:
    breaker = Breaker(2, 10.0, hand)
    for _ in range(5):
        breaker.failed(probe=False)
        breaker.worked()
    assert breaker.admits()


def test_after_its_rest_one_tries(opened: Breaker, hand: Hand) -> None:
    hand.at = 9.9
    assert not opened.admits()
    hand.at = 10.0
    assert opened.admits()
    assert not opened.admits()


def test_who_tries_in_vain_opens_it_again(opened: Breaker, hand: Hand) -> None:
    hand.at = 10.0
    assert opened.admits()
    opened.failed(probe=True)
    hand.at = 19.9
    assert not opened.admits()
    hand.at = 20.0
    assert opened.admits()


def test_who_tries_and_succeeds_closes_it(opened: Breaker, hand: Hand) -> None:
    hand.at = 10.0
    assert opened.admits()
    opened.worked()
    assert opened.admits()
    assert opened.admits()


def test_who_gives_up_lets_another_try(opened: Breaker, hand: Hand) -> None:
    hand.at = 10.0
    assert opened.admits()
    opened.left(probe=True)
    assert opened.admits()


def test_who_was_asked_before_it_opened_says_nothing_new(opened: Breaker, hand: Hand) -> None:
    hand.at = 10.0
    assert opened.admits()
    opened.failed(probe=False)
    opened.left(probe=False)
    assert not opened.admits()
