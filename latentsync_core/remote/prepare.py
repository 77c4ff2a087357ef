"""The media of a job: measured and fingerprinted before anything is spent, then put into a form the host takes."""

from __future__ import annotations

import hashlib
import wave
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.container import InputContainer

from ..data import Clip, Waveform
from ..errors import BadInputError, OutputError
from ..media import FileClip, open_writer
from ..media.audio import seconds_of
from ..media.color import ColorTags
from ..media.opening import find_video, open_media, reading
from ..media.sound import Samples, find_audio, sound_parts
from .job import RemoteJob
from .models import find_model
from .redact import log
from .threads import Work

WORTH_SAYING, TOO_LARGE = 100 * 10**6, 300 * 10**6
"""Bytes: the pages on uploads disagree about their limit; 100 MB is the lower one, 300 MB the higher."""
_MIME = {
    "mp4": "video/mp4",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "aac": "audio/aac",
    "m4a": "audio/mp4",
}
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Source:
    """One medium of a job, before it is encoded."""

    kind: str
    """video or audio."""
    sha256: str
    """Of the file, or of frames or samples with their rate."""
    seconds: float
    given: Path | Clip | Waveform
    passes: str = ""
    """Suffix (without dot) under which the file can be sent as it is; "" if it has to be encoded."""
    stamp: tuple[int, int] | None = None
    """Size and time of the file when its fingerprint was taken; None for frames and samples."""

    def check_unchanged(self) -> None:
        """Raise BadInputError for a file that is not the one whose fingerprint was taken."""
        if isinstance(self.given, Path) and _stamp(self.given) != self.stamp:
            raise changed(self.given)


@dataclass(frozen=True)
class MediaFile:
    """A file that can be sent, under a name that says nothing about this machine."""

    path: Path
    name: str
    mime: str
    size: int


def changed(path: Path) -> BadInputError:
    """What is raised where a file is another one than that whose fingerprint was taken."""
    return BadInputError(
        f"{path} was written to while it was read.", "Run it again when the file is finished."
    )


def inspect(job: RemoteJob, work: Work) -> tuple[Source, Source]:
    """Measure and fingerprint the video and the audio; `work` stops it, for it runs in a thread.

    Raises MediaError on what cannot be read, InputError on bad samples, BadInputError on what the model is known
    to refuse.
    """
    video = (
        _inspect_video_file(job.video, work)
        if isinstance(job.video, Path)
        else _inspect_clip(job.video, work)
    )
    audio = (
        _inspect_audio_file(job.audio, work) if isinstance(job.audio, Path) else _inspect_samples(job.audio)
    )
    shortest, longest = find_model(job.model).seconds
    for source in (video, audio):
        if not shortest <= source.seconds <= longest:
            raise BadInputError(
                f"{job.model} takes {shortest:g} to {longest:g} seconds, and the {source.kind} has "
                f"{source.seconds:.2f}.",
                "Cut it.",
            )
    return video, audio


def encode(source: Source, folder: Path, work: Work) -> MediaFile:
    """Give a file that the host takes: the given one, or one that is written into `folder`.

    Raises MediaError, OutputError, and BadInputError on a file that is too large.
    """
    if source.passes and isinstance(source.given, Path):
        suffix, path = source.passes, source.given
    elif source.kind == "video":
        suffix, path = "mp4", folder / "video.mp4"
        _encode_video(source.given, path, work)
    else:
        suffix, path = "wav", folder / "audio.wav"
        _encode_audio(source.given, path, work)
    with reading(path, "is gone; leave it in place."):
        size = path.stat().st_size
    if size > TOO_LARGE:
        raise BadInputError(
            f"The {source.kind} is {size / 1e6:.0f} MB and uploads take at most {TOO_LARGE / 1e6:.0f} MB.",
            "Cut it, or encode it smaller.",
        )
    if size > WORTH_SAYING:
        log.warning(
            "The %s is %.0f MB; one of WaveSpeed's pages allows 100 MB only.", source.kind, size / 1e6
        )
    return MediaFile(path, f"{source.kind}.{suffix}", _MIME[suffix], size)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:  # gone, which whoever reads it will say
        return 0, 0
    return status.st_size, status.st_mtime_ns


def _inspect_video_file(path: Path, work: Work) -> Source:
    stamp, clip = _stamp(path), FileClip(path)
    with open_media(path) as container:
        passes = "mp4" if _is_plain_mp4(container) else ""
    return Source("video", _sha256(work.each(_blocks(path))), clip.duration, path, passes, stamp)


def _is_plain_mp4(container: InputContainer) -> bool:
    stream = find_video(container)
    return (
        stream is not None
        and "mp4" in container.format.name
        and container.metadata.get("major_brand", "").strip() != "qt"
        and stream.codec_context.name == "h264"
        and stream.codec_context.pix_fmt in ("yuv420p", "yuvj420p")
    )


def _inspect_clip(clip: Clip, work: Work) -> Source:
    def content() -> Iterator[bytes]:
        yield f"{clip.fps} {clip.height} {clip.width} ".encode()
        for index, frame in enumerate(clip.read(range(len(clip.times)))):
            yield f"{float(clip.times[index])!r} {frame.dtype} ".encode()
            yield np.ascontiguousarray(frame).tobytes()

    return Source("video", _sha256(work.each(content())), clip.duration, clip)


def _inspect_audio_file(path: Path, work: Work) -> Source:
    stamp = _stamp(path)
    with open_media(path) as container, reading(path, "has damaged sound; convert it to wav."):
        stream = find_audio(container, path)
        samples = sum(part.shape[1] for part in work.each(sound_parts(container, stream)))
        seconds, passes = samples / stream.rate, _audio_suffix(container)
    return Source("audio", _sha256(work.each(_blocks(path))), _some_sound(seconds), path, passes, stamp)


def _audio_suffix(container: InputContainer) -> str:
    """What an audio file would be called, if it is of a kind that the page lists."""
    names = container.format.name.split(",")
    if find_video(container) is not None:
        return ""
    return next((suffix for suffix in ("wav", "mp3", "aac", "m4a") if suffix in names), "")


def _inspect_samples(sound: Waveform) -> Source:
    content = (part.tobytes() for part in seconds_of(sound))
    head = f"{sound.sample_rate} {len(sound.samples)} ".encode()
    return Source("audio", _sha256(iter([head, *content])), _some_sound(sound.duration), sound)


def _some_sound(seconds: float) -> float:
    if seconds > 0:
        return seconds
    raise BadInputError("The audio is empty.", "Give at least one sample.")


def _encode_video(given: Path | Clip | Waveform, path: Path, work: Work) -> None:
    assert not isinstance(given, Waveform)
    clip = FileClip(given) if isinstance(given, Path) else given
    color: ColorTags | None = getattr(clip, "color", None)
    aspect: Fraction = getattr(clip, "pixel_aspect", Fraction(1))
    with open_writer(
        path, clip.height, clip.width, clip.fps, duration=clip.duration, color=color, pixel_aspect=aspect
    ) as writer:
        frames = work.each(clip.read(range(len(clip.times))), len(clip.times))
        for seconds, frame in zip(clip.times, frames, strict=True):
            writer.write(frame, float(seconds))


def _encode_audio(given: Path | Clip | Waveform, path: Path, work: Work) -> None:
    if isinstance(given, Waveform):
        return _write_wav(path, work.each(seconds_of(given)), given.sample_rate)
    assert isinstance(given, Path)
    with open_media(given) as container:
        stream = find_audio(container, given)
        _write_wav(path, work.each(sound_parts(container, stream)), stream.rate)


def _write_wav(path: Path, parts: Iterable[Samples], rate: int) -> None:
    """16 bit at the sound's own rate and channels: its length is exact, and the length is what is billed."""
    try:
        with wave.open(str(path), "wb") as file:
            for number, part in enumerate(parts):
                if number == 0:
                    file.setparams((len(part), 2, rate, 0, "NONE", ""))
                file.writeframes((np.clip(part.T, -1, 1) * 32767).round().astype("<i2").tobytes())
    except OSError as exc:
        raise OutputError(f"{path} cannot be written: {exc.strerror}.") from exc


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    return _sha256(_blocks(path))


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _sha256(blocks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()
