"""The media of a job, opened once: measured and hashed before anything is spent."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import ClassVar

import numpy as np
from av.container import InputContainer

from ..data import Clip, Waveform
from ..errors import BadInputError, OutputError
from ..media import FileClip, open_writer
from ..media.audio import seconds_of
from ..media.audio_decode import Samples, decode_audio, find_audio
from ..media.color import ColorTags
from ..media.opening import find_video, open_media, reading
from .job import RemoteJob
from .models import find_model
from .threads import Work

_BLOCK = 1 << 20


@dataclass(frozen=True)
class GivenFile:
    """A file of the caller, with its size and time from before it was opened."""

    path: Path
    size: int
    """Bytes."""
    modified_ns: int

    @classmethod
    def at(cls, path: Path) -> GivenFile:
        """Return the file as it is now; a missing one has size 0, and reading it raises."""
        try:
            status = path.stat()
        except OSError:
            return cls(path, 0, 0)
        return cls(path, status.st_size, status.st_mtime_ns)

    def check_unchanged(self) -> None:
        """Raise BadInputError if another file is there by now."""
        if GivenFile.at(self.path) != self:
            raise build_change_error(self.path)


@dataclass(frozen=True, eq=False)
class VideoSource:
    """The video of a job: a clip and the hash of its content."""

    kind: ClassVar[str] = "video"
    encoded_suffix: ClassVar[str] = "mp4"
    clip: Clip
    sha256: str
    """Of the file, or of frames with their times and rate."""
    file: GivenFile | None = None
    suffix: str = ""
    """Suffix (without dot) under which `file` can be sent as it is; "" if the video has to be encoded."""

    @classmethod
    def open(cls, given: Path | Clip, work: Work) -> VideoSource:
        """Open and hash a file, or frames; raises MediaError."""
        if not isinstance(given, (Path, FileClip)):
            return cls(given, _hash(_serialize_frames(given), work))
        # Before anything is read, so that a later change of the file is noticed.
        file = GivenFile.at(given if isinstance(given, Path) else given.path)
        clip = FileClip(given) if isinstance(given, Path) else given
        with open_media(file.path) as container:
            suffix = "mp4" if _is_plain_mp4(container) else ""
        return cls(clip, hash_file(file.path, work), file, suffix)

    @property
    def seconds(self) -> float:
        """Length of the video."""
        return self.clip.duration

    def encode(self, path: Path, work: Work) -> None:
        """Write the video as an H.264 mp4 at its own rate; raises MediaError and OutputError."""
        clip = self.clip
        color: ColorTags | None = getattr(clip, "color", None)
        aspect: Fraction = getattr(clip, "pixel_aspect", Fraction(1))
        with open_writer(
            path, clip.height, clip.width, clip.fps, duration=clip.duration, color=color, pixel_aspect=aspect
        ) as writer:
            work.begin(len(clip.times))
            for seconds, frame in zip(clip.times, clip.read(range(len(clip.times))), strict=True):
                work.step()
                writer.write(frame, float(seconds))


@dataclass(frozen=True, eq=False)
class AudioSource:
    """The audio of a job: samples, read part by part, and the hash of its content."""

    kind: ClassVar[str] = "audio"
    encoded_suffix: ClassVar[str] = "wav"
    read: Callable[[], Iterable[Samples]]
    """Returns all samples, in parts (channels, n)."""
    sample_rate: int
    seconds: float
    sha256: str
    """Of the file, or of samples with their rate."""
    file: GivenFile | None = None
    suffix: str = ""
    """Suffix (without dot) under which `file` can be sent as it is; "" if the audio has to be encoded."""

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise BadInputError("The audio is empty.", "Give at least one sample.")

    @classmethod
    def open(cls, given: Path | Waveform, work: Work) -> AudioSource:
        """Open, measure and hash a file, or samples; raises MediaError, and BadInputError without a sample."""
        return cls._of_samples(given, work) if isinstance(given, Waveform) else cls._of_file(given, work)

    @classmethod
    def _of_samples(cls, given: Waveform, work: Work) -> AudioSource:
        head = f"{given.sample_rate} {len(given.samples)} ".encode()
        sha256 = _hash(chain([head], (part.tobytes() for part in seconds_of(given))), work)
        return cls(partial(seconds_of, given), given.sample_rate, given.duration, sha256)

    @classmethod
    def _of_file(cls, path: Path, work: Work) -> AudioSource:
        file = GivenFile.at(path)
        with open_media(path) as container, reading(path, "has damaged audio; convert it to wav."):
            stream = find_audio(container, path)
            seconds = _count_samples(decode_audio(container, stream), work) / stream.rate
            suffix = _audio_suffix_of(container)
        sha256 = hash_file(path, work)
        return cls(partial(_read_file, path), stream.rate, seconds, sha256, file, suffix)

    def encode(self, path: Path, work: Work) -> None:
        """Write the audio as 16-bit WAV at its own rate; raises MediaError and OutputError."""
        _write_wav(path, self.read(), self.sample_rate, work)


@dataclass(frozen=True, eq=False)
class JobMedia:
    """Both media of a job."""

    video: VideoSource
    audio: AudioSource

    @property
    def seconds(self) -> float:
        """Length of the longer one."""
        return max(self.video.seconds, self.audio.seconds)


def open_job_media(job: RemoteJob, work: Work) -> JobMedia:
    """Open, measure and hash the media of a job; `work` stops it, for it runs in a thread.

    Raises MediaError on what cannot be read, InputError on bad samples, BadInputError on what the model is known
    to refuse.
    """
    media = JobMedia(VideoSource.open(job.video, work), AudioSource.open(job.audio, work))
    shortest, longest = find_model(job.model).seconds
    for source in (media.video, media.audio):
        if not shortest <= source.seconds <= longest:
            raise BadInputError(
                f"{job.model} takes {shortest:g} to {longest:g} seconds, and the {source.kind} has "
                f"{source.seconds:.2f}.",
                "Cut it.",
            )
    return media


def build_change_error(path: Path) -> BadInputError:
    """Return the error for a file that has changed since it was hashed."""
    return BadInputError(
        f"{path} was written to while it was read.", "Run it again when the file is finished."
    )


def hash_file(path: Path, work: Work) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    return _hash(_read_blocks(path), work)


def _is_plain_mp4(container: InputContainer) -> bool:
    # FFmpeg opens QuickTime and mp4 files as one format; only the brand tells them apart.
    stream = find_video(container)
    return (
        stream is not None
        and "mp4" in container.format.name
        and container.metadata.get("major_brand", "").strip() != "qt"
        and stream.codec_context.name == "h264"
        and stream.codec_context.pix_fmt in ("yuv420p", "yuvj420p")
    )


def _audio_suffix_of(container: InputContainer) -> str:
    """Return the suffix of an audio file if its format is one that the model's page lists, else ""."""
    names = container.format.name.split(",")
    if find_video(container) is not None:
        return ""
    return next((suffix for suffix in ("wav", "mp3", "aac", "m4a") if suffix in names), "")


def _read_file(path: Path) -> Iterator[Samples]:
    with open_media(path) as container:
        yield from decode_audio(container, find_audio(container, path))


def _count_samples(parts: Iterable[Samples], work: Work) -> int:
    count = 0
    for part in parts:
        work.step()
        count += part.shape[1]
    return count


def _write_wav(path: Path, parts: Iterable[Samples], sample_rate: int, work: Work) -> None:
    """Write 16 bit at the audio's own rate and channels: the length, which is billed, stays exact."""
    try:
        with wave.open(str(path), "wb") as file:
            for number, part in enumerate(parts):
                work.step()
                if number == 0:  # the first part shows the number of channels
                    file.setparams((len(part), 2, sample_rate, 0, "NONE", ""))
                file.writeframes((np.clip(part.T, -1, 1) * 32767).round().astype("<i2").tobytes())
    except OSError as exc:
        raise OutputError(f"{path} cannot be written: {exc.strerror}.") from exc


def _serialize_frames(clip: Clip) -> Iterator[bytes]:
    # Size, rate, times and dtype count, too: the same bytes with others are another video, and another job.
    yield f"{clip.fps} {clip.height} {clip.width} ".encode()
    for index, frame in enumerate(clip.read(range(len(clip.times)))):
        yield f"{float(clip.times[index])!r} {frame.dtype} ".encode()
        yield np.ascontiguousarray(frame).tobytes()


def _read_blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _hash(blocks: Iterable[bytes], work: Work) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        work.step()
        digest.update(block)
    return digest.hexdigest()
