"""Time at the fake host: it goes on by itself and can be pushed, so that a test waits for nothing."""

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timezone


class VirtualClock:
    """A clock for the host and for its clients (`remote.Clock`). Its UTC seconds since 1970 run `speed` times as fast as real ones and
    jump on `advance`, which is how a client sleeps.
    """

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._epoch = time.time()
        self._start = time.monotonic()
        self._skipped = 0.0
        self._alarms: list[tuple[float, Callable[[], None]]] = []

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return (time.monotonic() - self._start) * self._speed + self._skipped

    def utc(self) -> float:
        return self._epoch + self.monotonic()

    def advance(self, seconds: float) -> None:
        """Jump forward; what `at` put in between is called before this returns."""
        self._skipped += seconds
        due = [alarm for alarm in self._alarms if alarm[0] <= self.utc()]
        for alarm in due:
            self._alarms.remove(alarm)
            alarm[1]()

    def at(self, when: float, action: Callable[[], None]) -> None:
        self._alarms.append((when, action))

    async def sleep(self, seconds: float) -> None:
        """Jump forward, and let others run."""
        self.advance(seconds)
        await asyncio.sleep(0)


def iso(seconds: float) -> str:
    """The host's way to write a time: 2023-04-01T12:34:56.789Z."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
