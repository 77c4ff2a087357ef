"""Audio from files, at its own rate, and in the form that the speech encoder takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain

import av
import numpy as np
import numpy.typing as npt

from ..data import SPEECH_RATE, Array, Waveform
from ..errors import InputError, MediaError
from .audio_decode import DAMAGED, Samples, decode_audio, find_audio
from .opening import MediaPath, open_media, reading

_MAX_CHANNELS = 8
"""FFmpeg knows how to mix up to this many; more are mixed alike."""


def read_audio(path: MediaPath, start: float = 0.0, duration: float | None = None) -> Waveform:
    """Read `duration` seconds (None: all) of a file's audio from `start` seconds on, at its own rate and channels.

    Second 0 is where the file's video starts, or its audio if it has no video; audio that starts later is
    preceded by silence. Takes anything FFmpeg decodes: wav, mp3, aac, m4a, flac, ogg, opus, or a video.
    Raises InputError on a negative or infinite start or duration, MediaError where there is no audio or it is damaged.
    """
    if not 0 <= start < math.inf or (duration is not None and not 0 < duration < math.inf):
        raise InputError(f"Audio is read from a start >= 0 for a duration > 0, got {start} and {duration}.")
    with open_media(path) as container, reading(path, DAMAGED):
        stream = find_audio(container, path)
        rate = stream.rate
        first = round(start * rate)
        stop = None if duration is None else first + round(duration * rate)
        parts = list(decode_audio(container, stream, first, stop))
        if not parts:
            raise MediaError(
                f"{path} has no audio from second {start:g} on; check the start, or the file."
                if start or duration is not None
                else f"{path} has an audio stream without a sample; choose another file."
            )
        return Waveform(np.concatenate(parts, axis=1), rate)


def measure_audio(path: MediaPath) -> float:
    """Return how many seconds of audio `read_audio` gives of a file, and hold none of it; raises MediaError."""
    with open_media(path) as container, reading(path, DAMAGED):
        stream = find_audio(container, path)
        rate = stream.rate
        samples = sum(part.shape[1] for part in decode_audio(container, stream))
    if not samples:
        raise MediaError(f"{path} has an audio stream without a sample; choose another file.")
    return samples / rate


def to_frames(parts: Iterable[Samples], rate: int) -> Iterator[av.AudioFrame]:
    """Make PyAV frames of float samples from consecutive parts (channels, n)."""
    position = 0
    for part in parts:
        # Interleaved, as PyAV crashes on 8 or more planes.
        frame = av.AudioFrame(format="flt", layout=layout_of(len(part)), samples=part.shape[1])
        frame.planes[0].update(part.T.astype(np.float32).tobytes())
        frame.sample_rate, frame.pts, frame.time_base = rate, position, Fraction(1, rate)
        position += part.shape[1]
        yield frame


def seconds_of(waveform: Waveform) -> Iterator[Samples]:
    """Cut a waveform into parts of a second."""
    for start in range(0, waveform.samples.shape[1], waveform.sample_rate):
        yield waveform.samples[:, start : start + waveform.sample_rate]


def layout_of(channels: int) -> str:
    """Return FFmpeg's name of the usual speaker layout for `channels`, or of a layout that only counts them."""
    try:
        return av.AudioLayout(f"{channels}c").name
    except ValueError:
        return f"{channels} channels"


def to_mono_16k(waveform: Waveform) -> npt.NDArray[np.float32]:
    """Mix to mono at 16 kHz in 16 bit, shape (n,), -1..1: the numbers of upstream's `ffmpeg -f s16le -ac 1 -ar 16000`.

    More than 8 channels, which FFmpeg cannot mix, count alike. Raises InputError on audio without a sample.
    """
    parts = _convert(waveform, "s16", 1, SPEECH_RATE)
    if not parts:
        raise InputError("The audio is empty; give at least one sample.")
    return np.concatenate(parts)[:, 0].astype(np.float32) / np.float32(32768)


def resample(waveform: Waveform, rate: int, channels: int) -> Samples:
    """Return the samples (channels, n) at another rate and number of channels, of the same length in seconds.

    Where nothing changes they are returned unchanged; mono goes to both channels of stereo at its own level.
    """
    samples = waveform.samples
    if len(samples) != channels and max(len(samples), channels) > _MAX_CHANNELS:
        samples = samples.mean(0, keepdims=True)
    if len(samples) == 1 and (channels == 2 or channels > _MAX_CHANNELS):
        samples = samples.repeat(channels, axis=0)  # FFmpeg would lower both by 3 dB
    if waveform.sample_rate == rate and len(samples) == channels:
        return samples
    count = round(samples.shape[1] * rate / waveform.sample_rate)
    parts = _convert(Waveform(samples, waveform.sample_rate), "flt", channels, rate)
    # The resampler's delay makes its output a few samples longer or shorter than the rates say; lengths have to
    # agree to the sample, as `splice.mix` lays the result over other samples.
    output = np.concatenate([np.zeros((0, channels), np.float32), *parts])[:count]
    return np.ascontiguousarray(np.pad(output, ((0, count - len(output)), (0, 0))).T)


def _convert(waveform: Waveform, sample_format: str, channels: int, rate: int) -> list[Array]:
    """Convert audio to another interleaved format, by FFmpeg; give parts (n, channels)."""
    if len(waveform.samples) != channels and len(waveform.samples) > _MAX_CHANNELS:
        waveform = Waveform(waveform.samples.mean(0, keepdims=True), waveform.sample_rate)
    resampler = av.AudioResampler(format=sample_format, layout=layout_of(channels), rate=rate)
    frames = chain(to_frames(seconds_of(waveform), waveform.sample_rate), [None])
    converted = chain.from_iterable(map(resampler.resample, frames))
    return [frame.to_ndarray().reshape(-1, channels) for frame in converted if frame.samples]
