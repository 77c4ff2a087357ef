"""Decode a file's audio and place it where its timestamps say, as far as they can be true."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import chain, groupby

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer

from ..errors import MediaError
from .opening import MediaPath, has_clock, longest_step_of, open_media, start_seconds_of

log = logging.getLogger(__name__)

Samples = npt.NDArray[np.float32]

DAMAGED = "has damaged audio; copy it again or convert it to wav."

RATES = 1000, 6_144_000
"""Samples a second, least and most: nothing records audio at a rate outside of this range."""
_SMALLEST_STEP = 0.05
"""Seconds: timestamps that are off by less are rounded, or jitter; by more, audio is missing, or comes twice."""
_MAX_SILENCE = 2**29
"""Samples of silence, all channels together: 2 GiB."""
_PADDING_FRAMES = 2
"""Encoders fill up their last frames; what lies further beyond the end in the header is audio, not padding."""
_NEVER = 2**62


def find_audio(container: InputContainer, path: MediaPath) -> av.AudioStream:
    """Return the first audio stream that can be decoded; MediaError without one."""
    if not container.streams.audio:
        raise MediaError(f"{path} has no audio stream; choose a file with audio.")
    stream = next((stream for stream in container.streams.audio if stream.codec_context), None)
    if stream is None:
        raise MediaError(f"{path} has audio in a codec that is not known here; convert it to wav.")
    if not (RATES[0] <= stream.rate <= RATES[1] and stream.channels):
        raise MediaError(
            f"{path} has audio of {stream.channels} channels at {stream.rate} Hz by its header; at least one channel "
            f"at {RATES[0]} to {RATES[1]} Hz can be read. Convert it to wav."
        )
    return stream


def is_steady(path: MediaPath) -> bool:
    """Whether audio may be copied as stored: one format, no damage, a clock that neither jumps nor goes back."""
    kinds, before = set(), None
    try:
        with open_media(path) as container:
            for packet in container.demux(find_audio(container, path)):
                kinds |= {(frame.sample_rate, frame.layout.name) for frame in packet.decode()}
                if packet.pts is not None and packet.time_base is not None:
                    seconds = float(packet.pts * packet.time_base)
                    if before is not None and not 0 <= seconds - before <= longest_step_of(container):
                        return False
                    before = seconds
    except av.FFmpegError:
        return False
    return len(kinds) == 1


def decode_audio(
    container: InputContainer, stream: av.AudioStream, first: int = 0, stop: int | None = None
) -> Iterator[Samples]:
    """Decode the samples first..stop (None: to the end) in parts (channels, n), -1..1.

    Rate and channels are those of `stream` when it is called. Sample 0 is where the file's video starts, or else its
    audio; silence fills the gaps between timestamps, and audio that would overlap what came before is cut.
    Raises MediaError where most of it cannot be decoded.
    """
    end, most = _count_declared_samples(container, stream), _PADDING_FRAMES * stream.codec_context.frame_size
    stop, position = _NEVER if stop is None else stop, 0
    for samples in _drop_padding(_place_parts(container, stream), end, most):
        part = samples[:, max(first - position, 0) : max(stop - position, 0)]
        position += samples.shape[1]
        if part.shape[1]:
            yield part
        if position >= stop:
            return


def _drop_padding(parts: Iterable[Samples], end: int, most: int) -> Iterator[Samples]:
    """Drop what lies beyond sample `end` if it is at most `most` samples: the encoder's padding of its last frame."""
    # Whether samples beyond the end are padding is known only when the audio is over: they are held back until then,
    # and yielded after all when more follows than an encoder pads (a header that gives too short a length).
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


def _count_declared_samples(container: InputContainer, stream: av.AudioStream) -> int:
    """Count the samples from sample 0 on by the header of mp4 and its kin; other headers estimate or round it."""
    if "mp4" not in container.format.name or stream.duration is None or stream.time_base is None:
        return _NEVER
    end = (stream.start_time or 0) + stream.duration
    return round((float(end * stream.time_base) - start_seconds_of(container, stream)) * stream.rate)


def _place_parts(container: InputContainer, stream: av.AudioStream) -> Iterator[Samples]:
    place, timed = _Placer(container, stream), has_clock(container)
    for seconds, samples in _convert_alike(container, stream):
        yield place(seconds if timed else None, samples)


class _Placer:
    """Puts parts of audio one after the other, with silence where their timestamps leave a gap."""

    def __init__(self, container: InputContainer, stream: av.AudioStream) -> None:
        self._name, self._rate = container.name, stream.rate
        self._origin = start_seconds_of(container, stream)
        self._silence = min(longest_step_of(container) * stream.rate, _MAX_SILENCE // stream.channels)
        """Samples of silence that may still be inserted: false timestamps could ask for hours of it."""
        self._position, self._last = 0, -np.inf

    def __call__(self, seconds: float | None, samples: Samples) -> Samples:
        """Return the part that starts at `seconds` of the file's clock, with silence before it or its overlap cut."""
        gap = 0 if seconds is None else self._measure_gap(seconds)
        if gap > 0:
            self._silence -= gap
            samples = np.pad(samples, ((0, 0), (gap, 0)))
        elif gap < 0:
            samples = samples[:, -gap:]
        self._position += samples.shape[1]
        return samples

    def _measure_gap(self, seconds: float) -> int:
        """Count the samples missing before the part; below 0, those by which it overlaps what came before."""
        gap = round((seconds - self._origin) * self._rate) - self._position
        back, self._last = seconds < self._last, seconds
        if self._position > 0 and abs(gap) <= _SMALLEST_STEP * self._rate:
            return 0
        if gap <= self._silence and not back:
            return gap
        log.warning("%s has audio whose clock jumps at %.2f s; it plays on.", self._name, self._seconds())
        # The jump moves the origin too: what follows is placed by the new clock, without the gap.
        self._origin += gap / self._rate
        return 0

    def _seconds(self) -> float:
        return self._position / self._rate


def _convert_alike(
    container: InputContainer, stream: av.AudioStream
) -> Iterator[tuple[float | None, Samples]]:
    """Yield (start in the file's clock, samples (channels, n)) at the rate and channels that `stream` has now.

    FFmpeg converts to interleaved floats, without rounding where only the format changes: PyAV reads neither 64-bit
    integers nor 8 and more planes.
    """
    # A stream may change rate or channels on the way (broadcasts, joined files), and a resampler takes one format
    # only: each run of frames in one format has its own, flushed at the end of the run.
    rate, layout, channels = stream.rate, stream.layout, stream.channels
    runs = groupby(
        _decode_frames(container, stream),
        lambda frame: (frame.sample_rate, frame.layout.name, frame.format.name),
    )
    for number, (kind, run) in enumerate(runs):
        if number:
            log.warning("%s changes its audio to %d Hz, %s, %s; it plays on.", container.name, *kind)
        resampler = av.AudioResampler("flt", layout, rate)
        for out in chain.from_iterable(map(resampler.resample, chain(run, [None]))):
            yield out.time, out.to_ndarray().reshape(-1, channels).T


def _decode_frames(container: InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    """Decode the frames of all packets but those that are damaged; MediaError where most are."""
    good, bad = 0, 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            bad += 1
            if bad == 1:
                log.warning("%s has damaged audio; what cannot be decoded is left out.", container.name)
            continue
        good += 1
        yield from frames
    if bad > good:
        raise MediaError(f"{container.name} {DAMAGED} [{bad} of {good + bad} packets cannot be decoded]")
