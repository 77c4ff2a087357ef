"""Progress bars with the time that is left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from ..data import Frame
from ..plan import DubPlan
from ..timeleft import TimeLeft
from .stages import StageTimes

LOOK = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
LOOK_OF_BYTES = LOOK.replace("{postfix}", ", {rate_fmt}{postfix}")
REFRESH_SECONDS = 0.2


class Bars:
    """One bar a stage on a terminal, and nothing elsewhere; called as `data.Progress`. A stage may come back."""

    def __init__(self, unit: str, times: StageTimes, note: object) -> None:
        self._note = note
        self._unit, self._bars, self._left, self._times = unit, dict[str, Any](), TimeLeft(), times
        self._shown_at = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        self._left(stage, done, total)
        self._times(stage, done, total)
        if stage not in self._bars:
            self.close()
            size = self._unit == "B"
            self._bars[stage] = tqdm(
                desc=stage, total=total, initial=done, disable=None, dynamic_ncols=True,
                unit=self._unit, unit_scale=size,
                bar_format=LOOK_OF_BYTES if size else LOOK,
            )  # fmt: skip
        bar = self._bars[stage]
        bar.n, bar.total = done, total
        self._refresh(bar, at_once=done == total)

    def frames(self, frames: Iterator[Frame], dub: DubPlan) -> Iterator[Frame]:
        """Yield the frames of a dub; their pace gives the time that is left."""
        for frame in self._times.frames(self._left.frames(frames, dub.changed, dub.windows)):
            yield frame
            if "resync" in self._bars:
                self._refresh(self._bars["resync"])

    def close(self) -> None:
        while self._bars:
            self._bars.popitem()[1].close()

    def _refresh(self, bar: Any, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._shown_at >= REFRESH_SECONDS:
            self._shown_at, left = now, self._left.seconds()
            notes = [] if self._note is None else [str(self._note)]
            notes += [] if left is None else [f"about {tqdm.format_interval(left)} left"]
            bar.set_postfix_str(", ".join(notes), refresh=False)
            bar.refresh()


@contextmanager
def progress_bars(unit: str = "it", times: StageTimes | None = None, note: object = None) -> Iterator[Bars]:
    """Give bars to call as `data.Progress`. unit: what is counted; "B" is shown as kB, MB and so on.

    times: adds up how long each stage takes. note: shown as it is at each moment, such as a pool; None shows nothing.
    """
    bars = Bars(unit, times or StageTimes(), note)
    try:
        yield bars
    finally:
        bars.close()
