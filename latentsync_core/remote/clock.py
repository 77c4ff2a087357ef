"""Time as the remote parts see it, so that a test waits for hours in milliseconds."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What waits and measures."""

    def monotonic(self) -> float:
        """Seconds for measuring how long something takes."""
        ...

    def utc(self) -> float:
        """Seconds since 1970, for what is written down."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class SystemClock:
    """The real time."""

    def monotonic(self) -> float:
        """Seconds since some point in the past; never goes back."""
        return time.monotonic()

    def utc(self) -> float:
        """Seconds since 1970."""
        return time.time()

    async def sleep(self, seconds: float) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)


SYSTEM_CLOCK = SystemClock()
