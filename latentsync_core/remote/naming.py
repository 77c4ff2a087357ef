"""Name a host of the user's own in what the user reads; all sentences of the library say WaveSpeed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import RemoteError
from .redact import log
from .settings import Settings


@contextmanager
def naming_host(settings: Settings) -> Iterator[None]:
    """Let errors and logs of the block name the host of the settings."""
    namer = _Namer(settings)
    log.addFilter(namer)
    try:
        yield
    except RemoteError as exc:
        exc.cause, exc.remedy = settings.name_host(exc.cause), settings.name_host(exc.remedy)
        raise
    finally:
        log.removeFilter(namer)


class _Namer(logging.Filter):
    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = self._settings.name_host(record.getMessage()), ()
        return True
