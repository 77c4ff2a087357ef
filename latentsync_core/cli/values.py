"""Parse the values of arguments; argparse prints the ArgumentTypeError that each raises."""

from __future__ import annotations

import argparse
import math
import re
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from fractions import Fraction

_RATE = re.compile(r"\s*\d{1,9}(\.\d{0,9}|/\d{1,9})?\s*", re.ASCII)
"""No exponent: Fraction would write out all digits of 1e99999999."""


def parse_fps(text: str) -> Fraction:
    """Parse a frame rate."""
    with suppress(ZeroDivisionError):
        if _RATE.fullmatch(text):
            return Fraction(text)
    raise argparse.ArgumentTypeError(f"takes a rate such as 25, 23.976 or 30000/1001, got {text[:40]}")


def parse_speaker(text: str) -> str | int | tuple[float, ...]:
    """Parse a speaker, see `faces.choose`."""
    if text in ("auto", "largest", "left", "right") or re.fullmatch(r"\d+(\+\d+)+", text, re.ASCII):
        return text
    numbers: tuple[float, ...] = ()
    with suppress(ValueError):
        if "," not in text:
            return int(text)
        numbers = tuple(float(part) for part in text.split(","))
    if len(numbers) not in (2, 4) or not all(map(math.isfinite, numbers)):
        raise argparse.ArgumentTypeError(
            f"takes auto, largest, left, right, a number, a sum such as 1+3, a point X,Y or a box X0,Y0,X1,Y1, "
            f"got {text}"
        )
    return numbers


def parse_dollars(text: str) -> Decimal:
    """Parse an amount of US dollars, 0 or more."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    if not (value.is_finite() and value >= 0):
        raise argparse.ArgumentTypeError(f"takes US dollars such as 1 or 0.50, got {text}")
    return value


def parse_count(text: str) -> int:
    """Parse a whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"takes 1, 2, 3 and so on, got {text}")
    return int(text)


def parse_pair(text: str) -> tuple[str, str]:
    """Parse NAME=VALUE."""
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise argparse.ArgumentTypeError(f"takes NAME=VALUE, got {text}")
    return name, value
