"""The price of a job: bounds by its length, the host's quote, and the caller's limits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from ..errors import NoCreditError, OverBudgetError
from .models import Model

BLOCK_SECONDS = 5
"""The page says "$0.15 per 5 seconds"; how it rounds is not documented."""
_SURPRISE = Decimal("1.5")
"""A quote this many times above our own upper bound is refused: something was misunderstood."""


@dataclass(frozen=True)
class Bounds:
    """Bounds of the price by the length, in US dollars."""

    low: Decimal
    """By whole seconds of the audio, at least 5: the rule that WaveSpeed's own client quotes for another model."""
    high: Decimal
    """By blocks of 5 seconds of the longer of audio and video: the strictest reading of the page."""


@dataclass(frozen=True)
class Quote:
    """The expected price of a job, and its source."""

    usd: Decimal
    notes: tuple[str, ...]
    """How the price was found, for the user."""


def bound_price(model: Model, audio_seconds: float, video_seconds: float) -> Bounds | None:
    """Return bounds of the price by the length; None for a model whose price is not published."""
    if model.block_usd is None:
        return None
    # Sums of frame times are a little off whole seconds, and `ceil` would bill one more.
    audio, longer = (round(seconds, 3) for seconds in (audio_seconds, max(audio_seconds, video_seconds)))
    seconds = max(BLOCK_SECONDS, math.ceil(audio))
    blocks = max(1, math.ceil(longer / BLOCK_SECONDS))
    return Bounds(model.block_usd * seconds / BLOCK_SECONDS, model.block_usd * blocks)


def check_bounds(expected: Bounds | None, limit: Decimal) -> None:
    """Raise OverBudgetError if the bound by the length is above the limit already, before anything is uploaded."""
    if expected is not None and expected.high > limit:
        raise build_budget_error(expected.high, limit)


def settle(model: str, expected: Bounds | None, quoted: Decimal | None, limit: Decimal) -> Quote:
    """Choose between our bounds and the host's quote; raises OverBudgetError."""
    if quoted is None and expected is None:
        raise OverBudgetError(
            f"The price of {model} is not published, and WaveSpeed does not quote one.",
            "Run again later, or choose another model.",
        )
    if expected is None:
        assert quoted is not None
        quote = Quote(quoted, (f"WaveSpeed quotes ${quoted}.",))
    elif quoted is None:
        quote = Quote(
            expected.high,
            (f"WaveSpeed quotes no price; ${expected.high} is the most that 5-second blocks give.",),
        )
    elif quoted > expected.high * _SURPRISE:
        raise OverBudgetError(
            f"WaveSpeed quotes ${quoted}, far above the ${expected.high} that its page gives for this length.",
            "Look at the model's page before you buy.",
        )
    elif quoted < expected.low:
        quote = Quote(
            expected.high,
            (f"WaveSpeed quotes ${quoted}, too little for this length; ${expected.high} is assumed.",),
        )
    else:
        note = f"WaveSpeed quotes ${quoted}; 5-second blocks would be ${expected.high}."
        quote = Quote(quoted, (note,))
    if quote.usd > limit:
        raise build_budget_error(quote.usd, limit)
    return quote


def check_balance(balance: Decimal | None, price: Decimal) -> None:
    """Raise NoCreditError if the account is known to hold less than the price."""
    if balance is not None and balance < price:
        raise NoCreditError(
            f"The WaveSpeed account holds ${balance} and the job costs ${price}.",
            "Top up at https://wavespeed.ai/billing, then run again.",
        )


def build_budget_error(price: Decimal, limit: Decimal) -> OverBudgetError:
    """Return the error for a price above the limit of a run."""
    return OverBudgetError(
        f"The job may cost ${price} and the limit of this run is ${limit}.",
        "Raise the limit (--max-cost, or the node's spend limit), or cut the clip.",
    )
