"""What a task costs, where the owner has set a price."""

from __future__ import annotations

import math
from decimal import Decimal

from .accounts import MILLION

_BLOCK_SECONDS = 5
"""The page says "$0.15 per 5 seconds"."""


def price_of(audio_seconds: float, block_usd: Decimal) -> int:
    """Return the price of a task in millionths of a US dollar: by whole seconds of the audio, at least five.

    block_usd: of 5 seconds. The rounding is that which WaveSpeed's own client quotes for another model.
    """
    seconds = max(_BLOCK_SECONDS, math.ceil(round(audio_seconds, 3)))
    return int(block_usd * MILLION * seconds / _BLOCK_SECONDS)


def to_dollars(millionths: int) -> float:
    """Return an amount as the contract has it, a number of US dollars."""
    return round(millionths / MILLION, 6)
