"""The spend guard: bounds by length, the host's quote, the limits."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentsync_core.errors import NoCreditError, OptionError, OverBudgetError
from latentsync_core.remote.models import DEFAULT_MODEL, MODELS, find_model
from latentsync_core.remote.pricing import bound_price, check_balance, check_bounds, settle

MODEL = find_model(DEFAULT_MODEL)
UNPRICED = find_model("wavespeed-ai/latentsync")


@pytest.mark.parametrize(
    ("audio", "video", "low", "high"),
    [(2, 1, "0.15", "0.15"), (5, 5, "0.15", "0.15"), (5.01, 5, "0.18", "0.30"), (10, 30, "0.30", "0.90"),
     (60, 60, "1.80", "1.80"), (5.0000001, 4, "0.15", "0.15")],
)  # fmt: skip
def test_bounds(audio, video, low, high):
    found = bound_price(MODEL, audio, video)
    assert (found.low, found.high) == (Decimal(low), Decimal(high))


@given(st.floats(0.01, 5000), st.floats(0.01, 5000))
def test_the_high_bound_covers_every_reading_of_the_page(audio, video):
    found = bound_price(MODEL, audio, video)
    assert found.low <= found.high
    longer = max(audio, video)
    assert found.high >= Decimal("0.03") * math.floor(longer) and found.high >= Decimal("0.15")


def test_limits_are_inclusive_and_exact():
    """0.15 * 3 in floating point is less than 0.45, and 0.1 * 3 more than 0.3."""
    for seconds in range(5, 500, 5):
        price = bound_price(MODEL, seconds, seconds).high
        check_bounds(bound_price(MODEL, seconds, seconds), price)
        with pytest.raises(OverBudgetError, match="No money was spent"):
            check_bounds(bound_price(MODEL, seconds, seconds), price - Decimal("0.01"))


@pytest.mark.parametrize(
    ("quoted", "price"),
    [("0.30", "0.30"), ("0.27", "0.27"), (None, "0.30"), ("0.01", "0.30"), ("0.45", "0.45")],
)
def test_settled_price(quoted, price):
    """Eight seconds: 0.24 by seconds, 0.30 by blocks; a quote below both did not see the media."""
    quote = settle(
        MODEL.id, bound_price(MODEL, 8, 8), None if quoted is None else Decimal(quoted), Decimal(1)
    )
    assert quote.usd == Decimal(price) and "$" in quote.notes[0]


@pytest.mark.parametrize(
    ("quoted", "limit"), [("0.46", "9"), ("500", "1000"), ("0.30", "0.29"), (None, "0.29")]
)
def test_a_price_that_surprises_or_is_too_high_is_refused(quoted, limit):
    with pytest.raises(OverBudgetError):
        settle(
            MODEL.id, bound_price(MODEL, 8, 8), None if quoted is None else Decimal(quoted), Decimal(limit)
        )


def test_a_model_without_a_published_price_needs_a_quote():
    assert bound_price(UNPRICED, 8, 8) is None
    assert settle(UNPRICED.id, None, Decimal("0.4"), Decimal(1)).usd == Decimal("0.4")
    with pytest.raises(OverBudgetError, match="not published"):
        settle(UNPRICED.id, None, None, Decimal(1))


def test_credit():
    check_balance(None, Decimal(1))
    check_balance(Decimal(1), Decimal(1))
    with pytest.raises(NoCreditError):
        check_balance(Decimal("0.99"), Decimal(1))


def test_models():
    assert next(iter(MODELS)) == DEFAULT_MODEL
    assert find_model("some/new-model.v2").block_usd is None
    for wrong in (
        "latentsync",
        "A/b",
        "a/../b",
        "a/b?x=1",
        "a//b",
        "a/b/",
        "https://evil/x",
        "a/b/c/d/e/f",
        "",
    ):
        with pytest.raises(OptionError, match="model id"):
            find_model(wrong)
