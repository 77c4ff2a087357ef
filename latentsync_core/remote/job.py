"""A job for the hosted endpoint, the progress of its run, and the result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from ..data import Clip, Waveform
from ..errors import BadInputError, InputError, OptionError
from .entry import Entry, JobIdentity
from .models import DEFAULT_MODEL, find_model
from .parse import PREDICTION_ID
from .settings import WAVESPEED, Settings


@dataclass(frozen=True, eq=False)
class RemoteJob:
    """One video to lip-sync to one audio. Raises OptionError on values that are not accepted."""

    video: Path | Clip
    """A file (H.264 mp4 is sent as it is, anything else is encoded at its own frame rate), or frames."""
    audio: Path | Waveform
    """A file (wav, mp3, aac and m4a are sent as they are, anything else as WAV), or samples."""
    output: Path
    """An .mp4 file, which is replaced if it exists, or a folder, in which the result is named after the job."""
    model: str = DEFAULT_MODEL
    params: Mapping[str, str] = field(default_factory=dict)
    """Further parameters of the model, see `models.Model.choices`."""
    take: int = 1
    """The same video, audio, model and take are never bought twice; a new take is a new purchase."""
    max_cost_usd: Decimal = Decimal(1)
    dry_run: bool = False
    """Stop after the quote: upload and ask for the price, which is free, but buy nothing."""

    def __post_init__(self) -> None:
        choices = find_model(self.model).choices
        for name, value in self.params.items():
            if value not in choices.get(name, ()):
                raise OptionError(
                    f"{self.model} takes {dict(choices) or 'no parameters'}, got {name}={value!r}."
                )
        if self.take < 1:
            raise OptionError(f"take is 1, 2, 3 and so on, got {self.take}.")
        if not (self.max_cost_usd.is_finite() and self.max_cost_usd >= 0):
            raise OptionError(f"max_cost_usd takes US dollars >= 0, got {self.max_cost_usd}.")
        check_name(self.output)

    def identify(self, account: str, audio_sha256: str, video_sha256: str, host: str = "") -> JobIdentity:
        """Return what makes this job the same as another one: account, model, parameters, content and take.

        host: the origin of another host than WaveSpeed, whose results are its own.
        """
        params = json.dumps(dict(sorted({**self.params, **({"host": host} if host else {})}.items())))
        parts = (account, self.model, params, audio_sha256, video_sha256, str(self.take))
        key = hashlib.sha256("|".join(parts).encode()).hexdigest()
        return JobIdentity(key, account, self.model, params, audio_sha256, video_sha256, self.take)


@contextmanager
def refuse_bad_input() -> Iterator[None]:
    """Turn the block's InputErrors into BadInputErrors, which say that nothing was bought."""
    try:
        yield
    except InputError as exc:
        raise BadInputError(str(exc)) from exc


def name_result(output: Path, job_key: str) -> Path:
    """Return the file for a result: in a folder it is named after the job."""
    return output / f"{job_key}.mp4" if output.is_dir() else output


def check_id(prediction_id: str) -> None:
    """Raise BadInputError for a text that cannot be the id of a prediction."""
    if not PREDICTION_ID.fullmatch(prediction_id):
        raise BadInputError(
            f"A prediction id has 6 to 128 letters, digits, - and _; got {prediction_id[:130]!r}.",
            "Copy it from https://wavespeed.ai/predictions.",
        )


def check_name(output: Path) -> None:
    """Raise OptionError for a name that is neither a folder nor an mp4 file, which is what the host makes."""
    if not output.is_dir() and output.suffix.lower() != ".mp4":
        raise OptionError(f"The result is an .mp4 file, got {output.name}.")


@dataclass(frozen=True)
class JobProgress:
    """Progress of a run, as `on_progress` gets it; what that raises stops the run."""

    stage: str
    """prepare, wait (another run has the job), upload, quote, submit, reconcile, queued, processing, download or done.
    From submit on a task may exist, and be billed even if the run is cancelled."""
    elapsed: float
    """Seconds since the run began."""
    done: int = 0
    total: int = 0
    """`done` of `total` encoded frames, or bytes of an upload or a download; 0 of 0 where nothing is counted."""
    status: str = ""
    """The task's status as the host names it."""
    price_usd: Decimal | None = None
    prediction_id: str = ""


OnJobProgress = Callable[[JobProgress], None]


class Tell(Protocol):
    """A callback for the progress of a step; what it raises stops the run."""

    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Report progress; `stage`, `done` and `total` as in `JobProgress`."""
        ...


@dataclass(frozen=True)
class RemoteResult:
    """The outcome of a run."""

    path: Path | None
    """The result; None after a dry run."""
    job_key: str
    """Names the job in the journal."""
    model: str
    take: int
    price_usd: Decimal | None
    """The expected price; the higher one where sources differ."""
    charged_usd: Decimal | None = None
    """The price on the host's bill, where it could be read."""
    notes: tuple[str, ...] = ()
    """Notes for the user: how the price was found, lengths that differ, flagged content."""
    prediction_id: str = ""
    status: str = ""
    created_at: str = ""
    inference_ms: int | None = None
    seconds: float = 0.0
    """How long this run took."""
    reused: bool = False
    """Whether the result of an earlier run was used, at no cost."""
    nsfw: bool = False
    sha256: str = ""
    host: str = WAVESPEED
    """What the host is called."""

    @classmethod
    def of(
        cls, entry: Entry, path: Path | None, seconds: float, reused: bool, settings: Settings
    ) -> RemoteResult:
        """Return the result of a run whose job is at last as in `entry`."""
        return cls(
            path,
            entry.job_key,
            entry.model,
            entry.take,
            entry.price_usd,
            Decimal(entry.charged) if entry.charged else None,
            tuple(map(settings.name_host, entry.notes.splitlines())),
            entry.prediction_id,
            entry.status,
            entry.remote_created_at,
            entry.inference_ms,
            seconds,
            reused,
            bool(entry.nsfw),
            entry.result_sha256,
            settings.host_name,
        )

    def __str__(self) -> str:
        """Return a few lines for people."""
        lines = list(self.notes)
        if self.prediction_id:
            lines.append(f"Prediction id: {self.prediction_id}")
        cost, source = self.charged_usd, f", by {self.host}'s bill"
        if cost is None:
            cost, source = self.price_usd, ""
        if self.path is None:
            lines.append(f"Price: ${cost}{source}. Nothing was bought by this run.")
        else:
            paid = "used again, no new cost" if self.reused else f"cost: ${cost}{source}"
            lines.append(f"{self.path} ({paid})")
        if self.inference_ms is not None:
            lines.append(
                f"{self.host} computed for {self.inference_ms / 1000:.1f} s; this run took {self.seconds:.1f} s."
            )
        return "\n".join(lines)

    def report(self) -> dict[str, Any]:
        """Return all fields, ready for JSON; they hold no key and no URL."""
        content = asdict(self)
        for name in ("path", "price_usd", "charged_usd"):
            content[name] = None if content[name] is None else str(content[name])
        return content | {"notes": list(self.notes)}
