"""End a command early: after a signal it cleans up as after Ctrl-C, without a reader it is quiet, and a full disk under
its output is said in a sentence."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""Signals that ask a process to end, beside Ctrl-C's; not every system has all."""


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""No space is left where something is written."""


class Ended(KeyboardInterrupt):
    """A signal asked the process to end; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise Ended in the block when one of SIGNALS comes; what the caller ignores, as under nohup, stays ignored."""
    if threading.current_thread() is not threading.main_thread():  # only it may set handlers
        yield
        return
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    handled = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]

    def end(number: int, _: FrameType | None) -> None:
        for other in handled:  # a second one would break off the cleaning up
            signal.signal(other, signal.SIG_IGN)
        raise Ended(number)

    for number in handled:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def report_full_disk(exc: OSError) -> None:
    """Say that what a command prints cannot be written."""
    with suppress(OSError):  # stderr may go to the same place
        print(f"error: The output cannot be written: {exc.strerror}.", file=sys.stderr)
    hush()


def hush() -> None:
    """Discard what is still to be printed, so that Python does not report what it cannot write when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
