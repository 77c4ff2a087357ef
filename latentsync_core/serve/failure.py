"""Why a task failed, in the words of the contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ..errors import InputError, LatentSyncError

INVALID, UNREACHABLE, EXECUTION, INTERNAL, UNAVAILABLE = 1401, 1402, 1403, 5000, 5003

MEANINGS = {
    INVALID: "invalid parameter",
    UNREACHABLE: "media URL not reachable",
    EXECUTION: "task execution failed",
    INTERNAL: "internal error",
    UNAVAILABLE: "service unavailable",
}
"""The documented codes of failed tasks that are given here, and what they mean."""


class TaskFailure(Exception):
    """Ends a task: the documented code, and one sentence. It crosses the border between processes."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail

    def __str__(self) -> str:
        return f"{MEANINGS[self.code]}: {self.detail}"


@contextmanager
def failing(names: Mapping[str, str]) -> Iterator[None]:
    """Turn the library's errors in the block into failures; names: what to write instead of each path."""
    try:
        yield
    except LatentSyncError as exc:
        text = str(exc)
        for path, name in names.items():
            text = text.replace(path, name)
        raise TaskFailure(INVALID if isinstance(exc, InputError) else EXECUTION, text) from exc
