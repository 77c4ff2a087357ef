"""Progress bars with the time that is left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from ..data import Progress


@contextmanager
def progress_bars(unit: str = "it") -> Iterator[Progress]:
    """Give a progress function that shows one bar a stage on a terminal, and nothing elsewhere.

    unit: what is counted; "B" is shown as kB, MB and so on.
    """
    bars: dict[str, Any] = {}

    def report(stage: str, done: int, total: int) -> None:
        if stage not in bars:
            for bar in bars.values():
                bar.close()
            bars[stage] = tqdm(
                desc=stage, total=total, initial=done, disable=None, dynamic_ncols=True, unit=unit,
                unit_scale=unit == "B",
            )  # fmt: skip
        bars[stage].update(done - bars[stage].n)

    try:
        yield report
    finally:
        for bar in bars.values():
            bar.close()
