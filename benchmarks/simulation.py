"""A driver, its network, its disk and its GPUs as a queue of events; `benchmarks/scaling.py` gives it measured times.

It follows what the pool does: clips are read ahead as far as workers have places, one window at most waits for one,
each worker has two, finished windows are kept and pasted in order, and a few clips are in the making at once.
"""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from latentsync_core.cli.batch.run import rows_at_once
from latentsync_core.pool import IN_FLIGHT

_MOST_DRIVERS = 8


@dataclass(frozen=True)
class Costs:
    """What the parts of the work take; bandwidths are in MB a second."""

    window_seconds: tuple[float, ...]
    """Of a GPU for a window: each window takes one of them."""
    read_seconds: float = 0.0
    """CPU of the driver for a window until it is handed out."""
    paste_seconds: float = 0.0
    """CPU of the driver for a window when it is made."""
    encode_seconds: float = 0.0
    """CPU of the driver for a window when it is pasted."""
    clip_seconds: float = 0.0
    """CPU of the driver for a clip before its first window."""
    driver_cores: int = 1
    window_MB: float = 0.0
    """There, and as much back."""
    network: float = math.inf
    """Each way."""
    kept_MB: float = 0.0
    disk: float = math.inf


@dataclass(frozen=True)
class Outcome:
    """What came of a simulation."""

    seconds: float
    windows: int
    clips: int
    busy: dict[str, float]
    """The part of its time, 0..1, that each part worked."""

    @property
    def windows_per_second(self) -> float:
        return self.windows / self.seconds

    @property
    def limit(self) -> str:
        """The part that is busy nearly always; where none is, clips wait for themselves, as each goes step by step."""
        name = max(self.busy, key=lambda name: self.busy[name])
        return name if self.busy[name] > 0.9 else "clips"


class Clock:
    """Events in the order of their times; those of the same time in that in which they were made."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._made = 0

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, self._made, event))
        self._made += 1

    def run(self) -> None:
        while self._events:
            self.now, _, event = heapq.heappop(self._events)
            event()


class Station:
    """Servers, such as cores or a cable, with one queue."""

    def __init__(self, clock: Clock, servers: int = 1) -> None:
        self._clock, self._servers, self._free = clock, servers, servers
        self._queue: deque[tuple[float, Callable[[], None]]] = deque()
        self._worked = 0.0

    def use(self, seconds: float, then: Callable[[], None]) -> None:
        """Work for so long as soon as a server is free, then go on."""
        self._queue.append((seconds, then))
        self._start()

    def busy(self, seconds: float) -> float:
        """Return which part of the time the servers worked."""
        return self._worked / (seconds * self._servers)

    def _start(self) -> None:
        if self._free and self._queue:
            seconds, then = self._queue.popleft()
            self._free -= 1
            self._worked += seconds
            self._clock.after(seconds, lambda: self._end(then))

    def _end(self, then: Callable[[], None]) -> None:
        self._free += 1
        self._start()
        then()


@dataclass(eq=False)
class SimulatedClip:
    """A clip in the making: how many of its windows were read, pasted and encoded, and which are made."""

    read: int = 0
    pasted: int = 0
    encoded: int = 0
    made: set[int] = field(default_factory=set)
    busy: set[str] = field(default_factory=set)
    """Its threads that are at work: `read`, `paste`, `encode`."""


class SimulatedDriver:
    """One `batch` with its workers."""

    def __init__(self, costs: Costs, gpus: int, clips: int, windows: int, seed: int) -> None:
        """windows: of each clip."""
        self._costs, self._clips, self._windows = costs, clips, windows
        self._random, self._clock = random.Random(seed), Clock()
        self._driver = Station(self._clock, costs.driver_cores)
        self._there, self._back, self._disk = (Station(self._clock) for _ in range(3))
        self._gpus = [Station(self._clock) for _ in range(gpus)]
        self._having = [dict.fromkeys(range(gpus)), *({} for _ in range(IN_FLIGHT))]
        """The workers that have so many windows, in the order in which they got them."""
        self._waiting: tuple[SimulatedClip, int] | None = None
        self._offered: deque[tuple[SimulatedClip, int]] = deque()
        self._ahead = IN_FLIGHT * (gpus + 1)
        self._begun = 0

    def run(self) -> Outcome:
        """Make all clips."""
        for _ in range(rows_at_once(len(self._gpus), self._costs.driver_cores)):
            self._begin_clip()
        self._clock.run()
        seconds = self._clock.now
        worked = sum(gpu.busy(seconds) for gpu in self._gpus) / len(self._gpus)
        busy = {"GPUs": worked, "driver": self._driver.busy(seconds), "disk": self._disk.busy(seconds)}
        busy["network"] = max(self._there.busy(seconds), self._back.busy(seconds))
        return Outcome(seconds, self._clips * self._windows, self._clips, busy)

    def _begin_clip(self) -> None:
        if self._begun < self._clips:
            self._begun += 1
            clip = SimulatedClip()
            self._driver.use(self._costs.clip_seconds, lambda: self._read(clip))

    def _read(self, clip: SimulatedClip) -> None:
        """Read the next window, unless enough are read ahead."""
        if "read" in clip.busy or clip.read == self._windows or clip.read - clip.pasted >= self._ahead:
            return
        clip.busy.add("read")
        number, clip.read = clip.read, clip.read + 1
        self._driver.use(self._costs.read_seconds, lambda: self._offer(clip, number))

    def _offer(self, clip: SimulatedClip, number: int) -> None:
        self._offered.append((clip, number))
        self._hand_out()

    def _hand_out(self) -> None:
        """Let a window wait where none does, and give the one that waits to the worker with the fewest."""
        while True:
            if self._waiting is None and self._offered:
                self._waiting = self._offered.popleft()
                clip = self._waiting[0]
                clip.busy.remove("read")
                self._clock.after(0.0, lambda clip=clip: self._read(clip))
            worker = next((worker for group in self._having[:IN_FLIGHT] for worker in group), None)
            if self._waiting is None or worker is None:
                return
            (clip, number), self._waiting = self._waiting, None
            self._count(worker, 1)
            self._send(clip, number, worker)

    def _count(self, worker: int, change: int) -> None:
        """Note that a worker has one window more or less."""
        has = next(count for count, group in enumerate(self._having) if worker in group)
        del self._having[has][worker]
        self._having[has + change][worker] = None

    def _send(self, clip: SimulatedClip, number: int, worker: int) -> None:
        costs, seconds = self._costs, self._random.choice(self._costs.window_seconds)

        def end() -> None:
            self._count(worker, -1)
            clip.made.add(number)
            self._hand_out()
            self._paste(clip)

        def keep() -> None:
            self._disk.use(costs.kept_MB / costs.disk, end)

        def come_back() -> None:
            self._back.use(costs.window_MB / costs.network, keep)

        def make() -> None:
            self._gpus[worker].use(seconds, come_back)

        self._there.use(costs.window_MB / costs.network, make)

    def _paste(self, clip: SimulatedClip) -> None:
        """Paste the next window of a clip, if it is made."""
        if "paste" not in clip.busy and clip.pasted in clip.made:
            clip.busy.add("paste")
            self._driver.use(self._costs.paste_seconds, lambda: self._end_paste(clip))

    def _end_paste(self, clip: SimulatedClip) -> None:
        clip.busy.remove("paste")
        clip.made.remove(clip.pasted)
        clip.pasted += 1
        self._paste(clip)
        self._read(clip)
        self._encode(clip)

    def _encode(self, clip: SimulatedClip) -> None:
        """Encode the next window of a clip, if it is pasted."""
        if "encode" not in clip.busy and clip.encoded < clip.pasted:
            clip.busy.add("encode")
            self._driver.use(self._costs.encode_seconds, lambda: self._end_encode(clip))

    def _end_encode(self, clip: SimulatedClip) -> None:
        clip.busy.remove("encode")
        clip.encoded += 1
        if clip.encoded == self._windows:
            self._begin_clip()
        else:
            self._encode(clip)


def simulate(
    costs: Costs, gpus: int, clips: int, windows: int, *, drivers: int = 1, seed: int = 0
) -> Outcome:
    """Make clips by drivers that share GPUs and clips in equal parts, each with a network and a disk of its own.

    windows: of each clip. The time is that of the slowest driver; of many, some are simulated, and the others are like
    them. Raises ValueError where they cannot be shared.
    """
    if gpus % drivers or clips % drivers:
        raise ValueError(
            f"{gpus} GPUs and {clips} clips cannot be shared by {drivers} drivers in equal parts."
        )
    runs = [
        SimulatedDriver(costs, gpus // drivers, clips // drivers, windows, seed + number).run()
        for number in range(min(drivers, _MOST_DRIVERS))
    ]
    seconds = max(run.seconds for run in runs)
    busy = {
        name: sum(run.busy[name] * run.seconds for run in runs) / seconds / len(runs) for name in runs[0].busy
    }
    return Outcome(seconds, clips * windows, clips, busy)
