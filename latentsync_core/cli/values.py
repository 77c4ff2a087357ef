"""Parse the values of arguments; argparse prints the ArgumentTypeError that each raises."""

from __future__ import annotations

import argparse
import re
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from ..data import speaker_of
from ..errors import OptionError

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
    try:
        return speaker_of(text)
    except OptionError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


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


def parse_batch(text: str) -> int | None:
    """Parse how many windows are denoised at once; None for `auto`."""
    return None if text == "auto" else parse_count(text)


def parse_pair(text: str) -> tuple[str, str]:
    """Parse NAME=VALUE."""
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise argparse.ArgumentTypeError(f"takes NAME=VALUE, got {text}")
    return name, value


def parse_devices(text: str) -> tuple[str, ...]:
    """Parse names of devices between commas; one may be there several times."""
    devices = tuple(name.strip() for name in text.split(","))
    if not all(devices):
        raise argparse.ArgumentTypeError(f"takes devices between commas, such as cuda:0,cuda:1, got {text}")
    return devices
