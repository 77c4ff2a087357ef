"""A job as the journal keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from .states import State


@dataclass(frozen=True)
class JobIdentity:
    """What makes two jobs the same; `key` is a hash of the rest."""

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
    """Notes for the user, one per line."""
    submitted_at: float
    """By the host's clock."""
    prediction_id: str
    status: str
    remote_created_at: str
    inference_ms: int | None
    nsfw: int
    error: str
    output: str
    """Where the last run was to put the result."""
    result_path: str
    result_sha256: str
    charged: str

    @property
    def price_usd(self) -> Decimal | None:
        """The expected price of the job, once it is known."""
        return Decimal(self.price) if self.price else None

    @property
    def ours(self) -> bool:
        """Whether the task was bought through this journal; of other tasks only the id is known."""
        return self.submitted_at > 0

    @property
    def urls(self) -> dict[str, str]:
        """The uploads by the names of the host's inputs."""
        return {"audio": self.audio_url, "video": self.video_url}
