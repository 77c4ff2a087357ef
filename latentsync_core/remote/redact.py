"""Keep secrets out of texts and logs: the key, and the signatures in the query of presigned URLs."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from .keys import ApiKey

log = logging.getLogger(__package__)
"""The one logger of the remote parts."""

_URL = re.compile(r"""://[^\s"'<>\\]*""")
"""Matches to the end of a URL without backtracking, so that the work is linear in the text."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
_LONGEST = 400

_MOST = 20 * _LONGEST
"""Characters of a text that are redacted for a message; the long queries of URLs fall out of them."""

_TRANSPORT_LOGGERS = (
    "httpx",
    *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")),
)


def redact(text: str, key: ApiKey | None = None) -> str:
    """Return `text` without the key, and without queries, fragments and passwords of URLs."""
    if key is not None:
        text = text.replace(key.reveal(), "***")
    return _URL.sub(_strip_secrets, text)


def _strip_secrets(url: re.Match[str]) -> str:
    """Return what `_URL` has matched without user, password and query."""
    kept = strip_query(url[0])
    host, slash, path = kept[3:].partition("/")
    return "://" + host.rpartition("@")[2] + slash + path + ("" if kept == url[0] else "?...")


def strip_query(url: str) -> str:
    """Return a URL without query and fragment, as it may be written down."""
    return re.split(r"[?#]", url, maxsplit=1)[0]


def clean_text(text: object) -> str:
    """Return a server's text for a message: one line, at most 400 characters, redacted."""
    line = _CONTROL.sub(" ", redact(str(text)[:_MOST])).strip()
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "..."


class _Redactor(logging.Filter):
    def __init__(self, key: ApiKey) -> None:
        super().__init__()
        self._key = key

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage(), self._key), ()
        return True


@contextmanager
def redact_logs(key: ApiKey) -> Iterator[None]:
    """Redact all that this package, httpx and httpcore log within the block.

    httpx logs whole URLs at INFO, httpcore the headers of replies at DEBUG: both hold presigned queries.
    """
    redactor = _Redactor(key)
    loggers = [log, *map(logging.getLogger, _TRANSPORT_LOGGERS)]
    for logger in loggers:
        logger.addFilter(redactor)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(redactor)
