"""Run stages of a pipeline at the same time: each in a thread, with a bounded queue to the next."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_WAKE_SECONDS = 0.2
"""On Windows Ctrl-C is noticed only between two waits."""


class Stopped(Exception):
    """Raised in a thread whose result nobody waits for any more; it never leaves the thread."""


def run_ahead(items: Iterator[T], size: int) -> Generator[T, None, None]:
    """Yield the items of an iterator that runs in a thread, up to `size` of them ahead.

    What it raises is raised here, after the items before. Close the generator (`contextlib.closing`) to stop: it
    returns when the thread has ended, which is at the next item or call of `check_stopped`. The thread begins with the
    first item that is asked for.
    """
    queue: _Queue[T] = _Queue(size)
    thread = _start(queue, lambda: _fill(queue, items))
    try:
        yield from queue
    finally:
        queue.end()
        thread.join()


@contextmanager
def run_behind(consume: Callable[[T], None], size: int) -> Iterator[Callable[[T], None]]:
    """Give a function that hands items to `consume`, which takes them in a thread, up to `size` of them later.

    What `consume` raises is raised by a later call, or at the end of the block, which waits for the last item. Where
    the block fails, waiting items are dropped.
    """
    queue: _Queue[T] = _Queue(size)
    thread = _start(queue, lambda: _drain(queue, consume))
    try:
        yield queue.put
        queue.end()
    except BaseException:
        queue.clear()
        raise
    finally:
        thread.join()
    queue.raise_error()


def check_stopped() -> None:
    """Raise Stopped in a thread of `run_ahead` that is to end; long work calls it now and then."""
    thread = threading.current_thread()
    if isinstance(thread, _Worker) and thread.queue.ended:
        raise Stopped


class _Queue(Generic[T]):
    """A bounded queue between two threads that either of them can end."""

    def __init__(self, size: int) -> None:
        self._items: deque[T] = deque()
        self._size, self._changed = size, threading.Condition()
        self._error: BaseException | None = None
        self.ended = False

    def put(self, item: T) -> None:
        """Add an item as soon as there is room; raise Stopped, or the other side's error, once the queue has ended."""
        with self._changed:
            self._wait(lambda: len(self._items) < self._size)
            if self.ended:
                raise self._error or Stopped
            self._items.append(item)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        while True:
            with self._changed:
                self._wait(lambda: bool(self._items))
                if not self._items:
                    break
                item = self._items.popleft()
                self._changed.notify_all()
            yield item
            del item  # it may be large, and waiting for the next may take long
        self.raise_error()

    def end(self, error: BaseException | None = None) -> None:
        """Let nothing more in; what is in the queue can still be taken."""
        with self._changed:
            self._error, self.ended = self._error or error, True
            self._changed.notify_all()

    def clear(self) -> None:
        """End the queue, and drop what is in it."""
        with self._changed:
            self._items.clear()
        self.end()

    def raise_error(self) -> None:
        """Raise the error that the queue ended with, if there is one."""
        if self._error is not None:
            raise self._error

    def _wait(self, ready: Callable[[], bool]) -> None:
        while not self._changed.wait_for(lambda: self.ended or ready(), _WAKE_SECONDS):
            pass


class _Worker(threading.Thread):
    """A thread at one end of a queue."""

    def __init__(self, queue: _Queue[Any], work: Callable[[], None]) -> None:
        # In a copy of the caller's context, by which for example ComfyUI knows which node runs.
        super().__init__(target=copy_context().run, args=(work,), daemon=True)
        self.queue = queue


def _start(queue: _Queue[T], work: Callable[[], None]) -> _Worker:
    thread = _Worker(queue, work)
    thread.start()
    return thread


def _fill(queue: _Queue[T], items: Iterator[T]) -> None:
    error: BaseException | None = None
    try:
        try:
            for item in items:
                queue.put(item)
        finally:
            if isinstance(items, Generator):
                items.close()
    except Stopped:
        pass
    except BaseException as exc:  # whatever it is, it is for the other side
        error = exc
    queue.end(error)


def _drain(queue: _Queue[T], consume: Callable[[T], None]) -> None:
    try:
        for item in queue:
            consume(item)
    except BaseException as exc:  # whatever it is, it is for the other side
        queue.end(exc)
