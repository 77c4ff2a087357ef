"""Every error this library raises on purpose.

LatentSyncError
├── InputError            what the caller gave cannot be used
│   ├── MediaError        a video or audio file is missing, damaged or empty
│   ├── FaceError         no usable face where one is needed
│   ├── TrackError        a face track belongs to another clip
│   ├── OptionError       an option lies outside its range
│   └── CueError          a line of a cue sheet cannot be used
├── WeightsError          a checkpoint cannot be used
│   ├── WeightsMissingError   a file is not where it was looked for
│   └── WeightsMismatchError  the tensors are not those of the expected model, or the file is damaged
├── OutputError           the result cannot be written
├── DeviceError           the device is absent, or out of memory
├── PoolError             workers that make windows cannot be had, differ, or died of a window
└── RemoteError           the hosted endpoint; carries the prediction's id and whether money may have been spent
    ├── KeyMissingError       no key is set
    ├── KeyRejectedError      the host refuses the key, or what its account may do
    ├── NoCreditError         the account holds less than the job costs
    ├── OverBudgetError       the job costs more than the limits of a run or a day
    ├── BadInputError         the host refuses the media, the model or a parameter, or would
    ├── MediaUnreachableError the host cannot read what was uploaded
    ├── ModeratedError        the host's content moderation refuses the media
    ├── RateLimitedError      too many requests, for longer than it was worth waiting
    ├── ServerTroubleError    the host cannot be reached, or answers nonsense, before anything was bought
    ├── TaskFailedError       the host accepted the task and failed
    ├── UnknownOutcomeError   a submit got no clear answer: a task may exist
    ├── DetachedError         the task may go on without us; the next run picks it up
    ├── ExpiredError          the host no longer knows the task
    └── BadResultError        the task ended, but its result cannot be used

A message says what was got, what is accepted and what to do. Errors of other libraries are mapped
once, where they arise, with ``raise ... from exc``.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class LatentSyncError(Exception):
    """Base of every error raised on purpose by this library."""


class InputError(LatentSyncError):
    """What the caller gave cannot be used."""


class MediaError(InputError):
    """A video or audio file is missing, damaged or empty."""


class FaceError(InputError):
    """No usable face where one is needed."""


class TrackError(InputError):
    """A face track belongs to another clip."""


class OptionError(InputError):
    """An option lies outside its range."""


class CueError(InputError):
    """A line of a cue sheet cannot be used, or the whole sheet: its number, its name, and what is wrong.

    `number` counts the lines of a sheet from 1; 0 is none of them. Without number and name it is the sheet.
    """

    def __init__(self, message: str, number: int = 0, name: str = "") -> None:
        super().__init__(message, number, name)
        self.message, self.number, self.name = message, number, name

    def __str__(self) -> str:
        if not self.number:
            return (f"line {self.name}" if self.name else "cue sheet") + f": {self.message}"
        label = f" ({self.name})" if self.name not in ("", str(self.number)) else ""
        return f"line {self.number}{label}: {self.message}"


class WeightsError(LatentSyncError):
    """A checkpoint cannot be used."""


class WeightsMissingError(WeightsError):
    """A weight file is not where it was looked for."""


class WeightsMismatchError(WeightsError):
    """The tensors of a file are not those of the expected model, or the file is damaged."""


class OutputError(LatentSyncError):
    """The result cannot be written."""


class DeviceError(LatentSyncError):
    """The device is absent, or out of memory."""


class PoolError(LatentSyncError):
    """Workers that make windows cannot be had, differ, or died of a window."""


_NO_MEMORY = (
    "out of memory",  # MPS, CUDA's driver
    "allocate memory",  # torch on the CPU
    "not enough memory",  # the same on Windows
    "alloc_failed",  # cuBLAS, cuDNN
    "allocation_failed",
    "invalid buffer size",  # MPS, where one tensor is too large
)


def ran_out_of_memory(exc: BaseException) -> bool:
    """Tell whether memory ran out: Python's, numpy's and torch's errors for it, and what CPU and MPS raise."""
    if isinstance(exc, MemoryError) or type(exc).__name__ == "OutOfMemoryError":
        return True
    return isinstance(exc, RuntimeError) and any(words in str(exc).lower() for words in _NO_MEMORY)


@contextmanager
def enough_memory(advice: str) -> Iterator[None]:
    """Raise DeviceError with `advice`, a sentence, where the block runs out of memory in any library."""
    try:
        yield
    except (MemoryError, RuntimeError) as exc:
        if not ran_out_of_memory(exc):
            raise
        raise DeviceError(advice) from exc


_CHARGES = {
    "none": "No money was spent on this.",
    "refunded": "WaveSpeed's documentation says that a failed job is refunded within 3 hours.",
    "possible": "Money may have been spent.",
    "billed": "The job is billed.",
}


class RemoteError(LatentSyncError):
    """The hosted endpoint: one sentence of cause, one of what to do, the id, and what it may have cost.

    `charge` is none, refunded, possible or billed; `prediction_id` is "" as long as there is none.
    """

    def __init__(
        self, cause: str, remedy: str = "", *, prediction_id: str = "", charge: str = "none"
    ) -> None:
        super().__init__(cause, remedy)
        self.cause, self.remedy = cause, remedy
        self.prediction_id, self.charge = prediction_id, charge

    def __str__(self) -> str:
        identity = f"Prediction id: {self.prediction_id}." if self.prediction_id else ""
        return " ".join(filter(None, (self.cause, self.remedy, identity, _CHARGES[self.charge])))


class KeyMissingError(RemoteError):
    """No key is set."""


class KeyRejectedError(RemoteError):
    """The host refuses the key, or what its account may do."""


class NoCreditError(RemoteError):
    """The account holds less than the job costs."""


class OverBudgetError(RemoteError):
    """The job costs more than the limits of a run or a day."""


class BadInputError(RemoteError):
    """The host refuses the media, the model or a parameter, or is known to."""


class MediaUnreachableError(RemoteError):
    """The host cannot read what was uploaded."""


class ModeratedError(RemoteError):
    """The host's content moderation refuses the media."""


class RateLimitedError(RemoteError):
    """Too many requests, for longer than it was worth waiting."""


class ServerTroubleError(RemoteError):
    """The host cannot be reached, or answers nonsense, before anything was bought."""


class TaskFailedError(RemoteError):
    """The host accepted the task and failed."""


class UnknownOutcomeError(RemoteError):
    """A submit got no clear answer: a task may exist."""


class DetachedError(RemoteError):
    """The task may go on without us; the next run picks it up."""


class ExpiredError(RemoteError):
    """The host no longer knows the task."""


class BadResultError(RemoteError):
    """The task ended, but its result cannot be used."""
