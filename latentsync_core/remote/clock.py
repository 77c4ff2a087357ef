"""Time as the remote parts see it, so that a test waits for hours in milliseconds."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """A source of time that can also sleep."""

    def monotonic(self) -> float:
        """Return seconds for measuring how long something takes."""
        ...

    def utc(self) -> float:
        """Return seconds since 1970, for what is written down."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The real time."""

    def monotonic(self) -> float:
        """Return seconds since some point in the past; never goes back."""
        return time.monotonic()

    def utc(self) -> float:
        """Return seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)


SYSTEM_CLOCK = SystemClock()
