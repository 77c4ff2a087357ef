"""Work that would hold up the event loop, in a thread that can be stopped and asked how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")
_LOOK_SECONDS = 1.0


class Halted(Exception):
    """The run was cancelled while its thread was at work; nobody sees this."""


@dataclass
class Work:
    """Shared between a thread and its event loop."""

    halted: bool = False
    done: int = 0
    total: int = 0
    """0 where it is not known."""

    def each(self, items: Iterable[_Item], total: int = 0) -> Iterator[_Item]:
        """The items, counted, until the run is cancelled."""
        self.done, self.total = 0, total
        for item in items:
            if self.halted:
                raise Halted
            yield item
            self.done += 1


async def in_thread(function: Callable[[Work], _Made], look: Callable[[Work], None] | None = None) -> _Made:
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
