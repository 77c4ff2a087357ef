"""What is asked of the hosted endpoint, what is said on the way, and what comes back."""

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


@dataclass(frozen=True, eq=False)
class RemoteJob:
    """One video to lip-sync to one audio. Raises OptionError on values out of range."""

    video: Path | Clip
    """A file (H.264 mp4 is sent as it is, anything else encoded at its own rate), or frames."""
    audio: Path | Waveform
    """A file (wav, mp3, aac and m4a are sent as they are, anything else as WAV), or samples."""
    output: Path
    """Where the result goes, ending in .mp4; an earlier file of that name is replaced. In a folder it is named after
    the job, so that the same job always has the same place."""
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

    def identity(self, account: str, audio_sha256: str, video_sha256: str) -> JobIdentity:
        """What makes this job the same as another one: account, model, parameters, content and take."""
        params = json.dumps(dict(sorted(self.params.items())))
        parts = (account, self.model, params, audio_sha256, video_sha256, str(self.take))
        key = hashlib.sha256("|".join(parts).encode()).hexdigest()
        return JobIdentity(key, account, self.model, params, audio_sha256, video_sha256, self.take)


@contextmanager
def refuse_bad_input() -> Iterator[None]:
    """What is wrong with the given media is found before anything is bought; the error says so."""
    try:
        yield
    except InputError as exc:
        raise BadInputError(str(exc)) from exc


def name_result(output: Path, job_key: str) -> Path:
    """The file for a result: in a folder it is named after the job."""
    return output / f"{job_key}.mp4" if output.is_dir() else output


def check_id(prediction_id: str) -> None:
    """Raise BadInputError for what is no id of a prediction."""
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
    """Where a run stands; given to `on_progress`, from which the caller may raise to stop."""

    stage: str
    """prepare, wait (another run has the job), upload, quote, submit, reconcile, queued, processing, download or done.
    One who cancels knows from the last one whether a task exists, its id, and so that it may still bill."""
    elapsed: float
    """Seconds since the run began."""
    done: int = 0
    total: int = 0
    """Frames that are encoded, or bytes of an upload or a download; 0 of 0 where there is nothing to count."""
    status: str = ""
    """The host's own word."""
    price_usd: Decimal | None = None
    prediction_id: str = ""


OnJobProgress = Callable[[JobProgress], None]


class Tell(Protocol):
    """How a step says where it stands; it raises what the caller stops the run with."""

    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        """`stage`, `done` and `total` as of `JobProgress`."""
        ...


@dataclass(frozen=True)
class RemoteResult:
    """What came of a run."""

    path: Path | None
    """The result; None after a dry run."""
    job_key: str
    """Names the job in the journal."""
    model: str
    take: int
    price_usd: Decimal | None
    """What the job was expected to cost, the higher one where sources differ."""
    charged_usd: Decimal | None = None
    """What the host's bill says, where it could be read."""
    notes: tuple[str, ...] = ()
    """What the user should know: how the price was found, lengths that differ, flagged content."""
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

    @classmethod
    def of(cls, entry: Entry, path: Path | None, seconds: float, reused: bool) -> RemoteResult:
        """What a run hands back that leaves its job as `entry` says."""
        return cls(
            path,
            entry.job_key,
            entry.model,
            entry.take,
            entry.price_usd,
            Decimal(entry.charged) if entry.charged else None,
            tuple(entry.notes.splitlines()),
            entry.prediction_id,
            entry.status,
            entry.remote_created_at,
            entry.inference_ms,
            seconds,
            reused,
            bool(entry.nsfw),
            entry.result_sha256,
        )

    def __str__(self) -> str:
        """A few lines for people."""
        lines = list(self.notes)
        if self.prediction_id:
            lines.append(f"Prediction id: {self.prediction_id}")
        cost, source = self.charged_usd, ", by WaveSpeed's bill"
        if cost is None:
            cost, source = self.price_usd, ""
        if self.path is None:
            lines.append(f"Price: ${cost}{source}. Nothing was bought by this run.")
        else:
            paid = "used again, no new cost" if self.reused else f"cost: ${cost}{source}"
            lines.append(f"{self.path} ({paid})")
        if self.inference_ms is not None:
            lines.append(
                f"WaveSpeed computed for {self.inference_ms / 1000:.1f} s; this run took {self.seconds:.1f} s."
            )
        return "\n".join(lines)

    def report(self) -> dict[str, Any]:
        """All of it, ready for JSON; holds no key and no URL."""
        content = asdict(self)
        for name in ("path", "price_usd", "charged_usd"):
            content[name] = None if content[name] is None else str(content[name])
        return content | {"notes": list(self.notes)}
