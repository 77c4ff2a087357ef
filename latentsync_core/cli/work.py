"""Where a command keeps the survey and finished windows until its result is written."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..data import pluralize
from ..errors import FaceError
from ..kept import forget

log = logging.getLogger(__name__)


@contextmanager
def keep_windows(output: Path) -> Iterator[Path]:
    """Give a folder beside the output for finished windows; it is removed when the block succeeds and kept when not.

    Its name is without the output's suffix: another kind of file is made of the same windows.
    """
    output = output.absolute()
    work = output.with_name(f".{output.stem}.resume")
    try:
        yield work
    except BaseException as exc:
        # Also after Ctrl-C and signals, which are what windows are mostly kept for.
        windows = len(list(work.glob("window-*")))
        if isinstance(exc, FaceError) and not windows:
            forget(work)  # the same command would fail alike
        elif work.is_dir():
            log.warning(
                "Kept the survey of faces and %s in %s; run the same command again to go on.",
                pluralize(windows, "finished window"), work,
            )  # fmt: skip
        raise
    forget(work)
