"""The sound of a file, decoded and put where its timestamps say, as far as they can be true."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import chain, groupby

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer

from ..errors import MediaError
from .opening import MediaPath, has_clock, longest_step, open_media, start_seconds

log = logging.getLogger(__name__)

Samples = npt.NDArray[np.float32]

DAMAGED = "has damaged sound; copy it again or convert it to wav."
RATES = 1000, 6_144_000
"""Samples a second: less is no sound, more than this nothing records."""
_SMALLEST_STEP = 0.05
"""Seconds: timestamps that are off by less are rounded, or jitter; by more, sound is missing, or comes twice."""
_MOST_SILENCE = 2**29
"""Samples of silence, all channels together: 2 GiB."""
_PADDING_FRAMES = 2
"""Encoders fill up their last frames; what lies further beyond the end in the header is sound."""
_NEVER = 2**62


def find_audio(container: InputContainer, path: MediaPath) -> av.AudioStream:
    """The first audio stream that can be decoded; MediaError without one."""
    if not container.streams.audio:
        raise MediaError(f"{path} has no audio stream; choose a file with sound.")
    stream = next((stream for stream in container.streams.audio if stream.codec_context), None)
    if stream is None:
        raise MediaError(f"{path} has sound in a codec that is not known here; convert it to wav.")
    if not (RATES[0] <= stream.rate <= RATES[1] and stream.channels):
        raise MediaError(
            f"{path} has sound of {stream.channels} channels at {stream.rate} Hz by its header; at least one channel "
            f"at {RATES[0]} to {RATES[1]} Hz can be read. Convert it to wav."
        )
    return stream


def is_steady(path: MediaPath) -> bool:
    """Whether the sound may be handed on as stored: one kind, no damage, a clock that neither jumps nor goes back."""
    kinds, before = set(), None
    try:
        with open_media(path) as container:
            for packet in container.demux(find_audio(container, path)):
                kinds |= {(frame.sample_rate, frame.layout.name) for frame in packet.decode()}
                if packet.pts is not None and packet.time_base is not None:
                    seconds = float(packet.pts * packet.time_base)
                    if before is not None and not 0 <= seconds - before <= longest_step(container):
                        return False
                    before = seconds
    except av.FFmpegError:
        return False
    return len(kinds) == 1


def audio_parts(
    container: InputContainer, stream: av.AudioStream, first: int = 0, stop: int | None = None
) -> Iterator[Samples]:
    """Decode the samples first..stop (None: to the end) in parts (channels, n), -1..1.

    Rate and channels are those of `stream` when it is called. Sample 0 is where the file's video starts, or else its
    sound; silence fills what the timestamps leave open, and sound that comes late is cut where it would overlap.
    Raises MediaError where most of it cannot be decoded.
    """
    end, most = _declared_samples(container, stream), _PADDING_FRAMES * stream.codec_context.frame_size
    stop, position = _NEVER if stop is None else stop, 0
    for samples in _without_padding(_in_place(container, stream), end, most):
        part = samples[:, max(first - position, 0) : max(stop - position, 0)]
        position += samples.shape[1]
        if part.shape[1]:
            yield part
        if position >= stop:
            return


def _without_padding(parts: Iterable[Samples], end: int, most: int) -> Iterator[Samples]:
    """Drop what lies beyond sample `end` where it is at most `most` samples: an encoder filled up its last frame."""
    position = 0
    held: list[Samples] = []
    for part in parts:
        position += part.shape[1]
        inside = part.shape[1] - max(position - end, 0)
        if inside == part.shape[1] or position - end > most:
            yield from held
            yield part
            held = []
        else:
            yield part[:, : max(inside, 0)]
            held.append(part[:, max(inside, 0) :])


def _declared_samples(container: InputContainer, stream: av.AudioStream) -> int:
    """Number of samples from sample 0 on by the header of mp4 and its kin; elsewhere it is estimated, or rounded."""
    if "mp4" not in container.format.name or stream.duration is None or stream.time_base is None:
        return _NEVER
    end = (stream.start_time or 0) + stream.duration
    return round((float(end * stream.time_base) - start_seconds(container, stream)) * stream.rate)


def _in_place(container: InputContainer, stream: av.AudioStream) -> Iterator[Samples]:
    place, timed = _Place(container, stream), has_clock(container)
    for seconds, samples in _alike(container, stream):
        yield place(seconds if timed else None, samples)


class _Place:
    """Puts parts of sound one after the other, with the silence between them that their timestamps ask for."""

    def __init__(self, container: InputContainer, stream: av.AudioStream) -> None:
        self._name, self._rate = container.name, stream.rate
        self._origin = start_seconds(container, stream)
        self._silence = min(longest_step(container) * stream.rate, _MOST_SILENCE // stream.channels)
        """Samples of silence that may still be asked for."""
        self._position, self._last = 0, -np.inf

    def __call__(self, seconds: float | None, samples: Samples) -> Samples:
        """The part that starts at `seconds` in the file's clock, silence before it, or without what would overlap."""
        gap = 0 if seconds is None else self._gap(seconds)
        if gap > 0:
            self._silence -= gap
            samples = np.pad(samples, ((0, 0), (gap, 0)))
        elif gap < 0:
            samples = samples[:, -gap:]
        self._position += samples.shape[1]
        return samples

    def _gap(self, seconds: float) -> int:
        """Samples that are missing before the part, or, below 0, that it has too many."""
        gap = round((seconds - self._origin) * self._rate) - self._position
        back, self._last = seconds < self._last, seconds
        if self._position > 0 and abs(gap) <= _SMALLEST_STEP * self._rate:
            return 0
        if gap <= self._silence and not back:
            return gap
        log.warning("%s has sound whose clock jumps at %.2f s; it plays on.", self._name, self._seconds())
        self._origin += gap / self._rate
        return 0

    def _seconds(self) -> float:
        return self._position / self._rate


def _alike(container: InputContainer, stream: av.AudioStream) -> Iterator[tuple[float | None, Samples]]:
    """Start in the file's clock and samples (channels, n), at the rate and channels that `stream` has now.

    They are converted by FFmpeg to interleaved floats, without rounding where only the format changes, as PyAV reads
    neither 64-bit integers nor 8 and more planes.
    """
    rate, layout, channels = stream.rate, stream.layout, stream.channels
    runs = groupby(
        _decoded(container, stream), lambda frame: (frame.sample_rate, frame.layout.name, frame.format.name)
    )
    for number, (kind, run) in enumerate(runs):
        if number:
            log.warning("%s changes its sound to %d Hz, %s, %s; it plays on.", container.name, *kind)
        resampler = av.AudioResampler("flt", layout, rate)
        for out in chain.from_iterable(map(resampler.resample, chain(run, [None]))):
            yield out.time, out.to_ndarray().reshape(-1, channels).T


def _decoded(container: InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """The frames of all packets but those that cannot be decoded."""
    good, bad = 0, 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            bad += 1
            if bad == 1:
                log.warning("%s has damaged sound; what cannot be decoded is left out.", container.name)
            continue
        good += 1
        yield from frames
    if bad > good:
        raise MediaError(f"{container.name} {DAMAGED} [{bad} of {good + bad} packets cannot be decoded]")
