"""Run work that would block the event loop in a thread that can be stopped and shows its progress."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

_Result = TypeVar("_Result")
_LOOK_SECONDS = 1.0


class Halted(Exception):
    """Ends the thread of a cancelled run; no caller sees it."""


@dataclass
class Work:
    """Progress and stop flag, shared between a thread and its event loop."""

    halted: bool = False
    done: int = 0
    total: int = 0
    """0 where it is not known."""

    def begin(self, total: int) -> None:
        """Count from 0 again, up to `total`."""
        self.done, self.total = 0, total

    def step(self) -> None:
        """Count one more piece of work; raises Halted if the run was cancelled."""
        if self.halted:
            raise Halted
        self.done += 1


async def run_in_thread(
    function: Callable[[Work], _Result], look: Callable[[Work], None] | None = None
) -> _Result:
    """Call a function in a thread; `look` is called once a second meanwhile, in the event loop."""
    work = Work()
    task = asyncio.ensure_future(asyncio.to_thread(function, work))
    try:
        while not (await asyncio.wait({task}, timeout=_LOOK_SECONDS))[0]:
            if look:
                look(work)
        return task.result()
    finally:
        work.halted = True
        task.cancel()
