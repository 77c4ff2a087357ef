"""A job as the journal keeps it."""

from __future__ import annotations

from dataclasses import dataclass

from .states import State


@dataclass(frozen=True)
class Identity:
    """What makes two jobs the same; `key` names it."""

    key: str
    account: str
    model: str
    params: str
    audio_sha256: str
    video_sha256: str
    take: int


@dataclass(frozen=True)
class Entry:
    """A job as the journal knows it. Times are seconds since 1970, money is in US dollars."""

    job_key: str
    account: str
    model: str
    params: str
    audio_sha256: str
    video_sha256: str
    take: int
    state: State
    created_at: float
    updated_at: float
    seconds: float
    """Length of the longer of audio and video."""
    audio_url: str
    video_url: str
    """Without query: presigned signatures are not written down."""
    uploaded_at: float
    price: str
    """What was quoted, a decimal number, or ""."""
    notes: str
    """What the user should know, one a line."""
    submitted_at: float
    """By the host's clock."""
    prediction_id: str
    status: str
    remote_created_at: str
    inference_ms: int | None
    nsfw: int
    error: str
    output: str
    """Where the last run wanted the result."""
    result_path: str
    result_sha256: str
    charged: str
