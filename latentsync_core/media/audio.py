"""Sound from files, at its own rate, and as the speech encoder wants it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer

from ..data import Array, Waveform
from ..errors import InputError, MediaError
from .opening import MediaPath, open_media, reading, start_seconds

Samples = npt.NDArray[np.float32]

SPEECH_RATE = 16000
"""Samples a second that Whisper was trained on."""

_DAMAGED = "has damaged sound; copy it again or convert it to wav."
_SMALLEST_GAP = 0.1
"""Seconds: shorter steps between timestamps are rounding, longer ones are missing sound."""
_NEVER = 2**62


def read_audio(path: MediaPath, start: float = 0.0, duration: float | None = None) -> Waveform:
    """Read `duration` seconds (None: all) of a file's sound from `start` seconds on, at its own rate and channels.

    Second 0 is where the file's video starts, or its sound if it has no video; sound that starts later is
    preceded by silence. Takes anything FFmpeg decodes: wav, mp3, aac, m4a, flac, ogg, opus, or a video.
    Raises InputError on a negative or infinite start or duration, MediaError where there is no sound or it is damaged.
    """
    if not 0 <= start < math.inf or (duration is not None and not 0 < duration < math.inf):
        raise InputError(f"Sound is read from a start >= 0 for a duration > 0, got {start} and {duration}.")
    with open_media(path) as container, reading(path, _DAMAGED):
        stream = find_audio(container, path)
        first = round(start * stream.rate)
        stop = None if duration is None else first + round(duration * stream.rate)
        parts = list(sound_parts(container, stream, first, stop))
    if not parts:
        raise MediaError(f"{path} has no sound from second {start:g} on; check the start, or the file.")
    return Waveform(np.concatenate(parts, axis=1), stream.rate)


def find_audio(container: InputContainer, path: MediaPath) -> av.AudioStream:
    """The first audio stream; MediaError without one."""
    if not container.streams.audio:
        raise MediaError(f"{path} has no audio stream; choose a file with sound.")
    return container.streams.audio[0]


def sound_parts(
    container: InputContainer, stream: av.AudioStream, first: int = 0, stop: int | None = None
) -> Iterator[Samples]:
    """Decode the samples first..stop (None: to the end) in parts (channels, n), -1..1.

    Sample 0 is where the file's video starts, or else its sound; silence fills what the timestamps leave open.
    """
    rate, origin, position = stream.rate, start_seconds(container, stream), 0
    stop = min(_NEVER if stop is None else stop, _declared_samples(container, stream))
    for frame in container.decode(stream):
        samples = _planar_float(frame)
        gap = round(((frame.time or 0.0) - origin) * rate) - position
        if gap > _SMALLEST_GAP * rate or (position == 0 and gap > 0):
            samples = np.pad(samples, ((0, 0), (gap, 0)))
        elif position == 0 and gap < 0:
            samples = samples[:, -gap:]
        part = samples[:, max(first - position, 0) : max(stop - position, 0)]
        position += samples.shape[1]
        if part.shape[1]:
            yield part
        if position >= stop:
            return


def _declared_samples(container: InputContainer, stream: av.AudioStream) -> int:
    """Number of samples from sample 0 on by the header of mp4 and its kin, whose AAC is padded at its end."""
    if "mp4" not in container.format.name or stream.duration is None or stream.time_base is None:
        return _NEVER
    end = (stream.start_time or 0) + stream.duration
    return round((float(end * stream.time_base) - start_seconds(container, stream)) * stream.rate)


def _planar_float(frame: av.AudioFrame) -> Samples:
    """Samples (channels, n), full scale -1..1, without a resampler: no rounding, no delay."""
    samples: Array = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.uint8:
        samples = (samples.astype(np.float32) - 128) / 128
    elif np.issubdtype(samples.dtype, np.integer):
        samples = samples / -float(np.iinfo(samples.dtype).min)
    return samples.astype(np.float32)


def to_frames(parts: Iterable[Samples], rate: int) -> Iterator[av.AudioFrame]:
    """Make PyAV frames of planar float from consecutive parts (channels, n)."""
    position = 0
    for part in parts:
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(part), format="fltp", layout=layout_name(len(part))
        )
        frame.sample_rate, frame.pts, frame.time_base = rate, position, Fraction(1, rate)
        position += part.shape[1]
        yield frame


def seconds_of(waveform: Waveform) -> Iterator[Samples]:
    """Cut a waveform into parts of a second."""
    for start in range(0, waveform.samples.shape[1], waveform.sample_rate):
        yield waveform.samples[:, start : start + waveform.sample_rate]


def layout_name(channels: int) -> str:
    """FFmpeg's usual speaker layout for a number of channels."""
    return f"{channels}c"


def to_mono_16k(waveform: Waveform) -> npt.NDArray[np.float32]:
    """Mix to mono at 16 kHz in 16 bit, shape (n,), -1..1: the numbers of upstream's `ffmpeg -f s16le -ac 1 -ar 16000`.

    Raises InputError on more channels than FFmpeg has a layout for (8).
    """
    parts = _converted(waveform, "s16", "mono", SPEECH_RATE)
    if not parts:
        raise InputError("The sound is empty; give at least one sample.")
    return np.concatenate(parts, axis=1)[0].astype(np.float32) / np.float32(32768)


def resample(waveform: Waveform, rate: int, channels: int) -> Samples:
    """The samples (channels, n) at another rate and number of channels, of the same length in seconds.

    They are handed on as they are where nothing changes; mono goes to both sides of stereo unchanged. Raises
    InputError as `to_mono_16k`.
    """
    samples = waveform.samples
    if len(samples) == 1 and channels == 2:
        samples = samples.repeat(2, axis=0)  # FFmpeg would lower both by 3 dB
    if waveform.sample_rate == rate and len(samples) == channels:
        return samples
    count = round(samples.shape[1] * rate / waveform.sample_rate)
    parts = _converted(Waveform(samples, waveform.sample_rate), "fltp", layout_name(channels), rate)
    made = np.concatenate([np.zeros((channels, 0), np.float32), *parts], axis=1)[:, :count]
    return np.pad(made, ((0, 0), (0, count - made.shape[1])))


def _converted(waveform: Waveform, sample_format: str, layout: str, rate: int) -> list[Array]:
    """The sound in another form, by FFmpeg, in parts (channels, n)."""
    resampler = av.AudioResampler(format=sample_format, layout=layout, rate=rate)
    pieces = to_frames(seconds_of(waveform), waveform.sample_rate)
    try:
        frames = [out for frame in pieces for out in resampler.resample(frame)]
    except (ValueError, av.FFmpegError) as exc:
        raise InputError(f"Sound takes 1 to 8 channels, got {len(waveform.samples)}.") from exc
    frames += resampler.resample(None)
    return [frame.to_ndarray() for frame in frames if frame.samples]
