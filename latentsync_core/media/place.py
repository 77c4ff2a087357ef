"""Place the audio of lines in that of their film, block by block."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from ..data import Line, Waveform
from ..errors import InputError
from .audio import read_audio, resample
from .audio_decode import Samples
from .parts import AudioInput, AudioParts, cut_into_blocks, parts_of
from .span import cut
from .splice import MixMode, check_mix, gain_of, lowest_gain, make_ramp

_LINE_FADE = 0.005
"""Seconds over which a line itself fades in and out, so that one that was cut does not click."""


def place_lines(
    own: AudioInput | None,
    lines: Sequence[Line],
    mode: MixMode = "replace",
    *,
    duck_db: float = 12.0,
    fade: float = 0.03,
) -> AudioParts:
    """Lay lines over a film's own audio (None is silence), as `mix` lays one; read, it holds a second and those lines.

    Under each line the film's audio is left out (`replace`), kept (`mix`) or lowered by `duck_db` (`duck`), fading over
    `fade` seconds at both ends; outside of lines its samples stay bit for bit. Lines that overlap are added, and where
    a sum exceeds full scale all of it is lowered for as long as the line lasts. The result has the film's rate and
    channels, without one those of the first line, and lasts until both have ended. Raises OptionError and InputError as
    `mix` and for lines that are still to be fitted (`DubPlan.heard` has them fitted), MediaError where a file cannot be
    read, also later, when the result is read.
    """
    check_mix(mode, 0, duck_db, fade)
    if unfitted := [line.name for line in lines if line.fit]:
        raise InputError(f"The lines {', '.join(unfitted)} are to be fitted first; place DubPlan.heard.")
    if own is None and not lines:
        raise InputError("There is neither audio of the film nor a line; give one of them.")
    base = parts_of(lines[0].audio if own is None else own)
    placing = _Placing(
        base.rate,
        base.channels,
        None if own is None else base,
        tuple(sorted(lines, key=lambda line: line.start)),
        lowest_gain(mode, duck_db),
        fade,
    )
    return AudioParts(base.rate, base.channels, placing.read)


def read_line(line: Line) -> Waveform:
    """Read the used part of a line's audio, at its own rate and channels; raises InputError where there is none."""
    length = None if line.audio_out is None else line.audio_out - line.audio_in
    if isinstance(line.audio, Waveform):
        return cut(line.audio, line.audio_in, length or 0)
    return read_audio(line.audio, line.audio_in, length)


@dataclass(eq=False)
class _Voice:
    """A line where it is heard."""

    number: int
    first: int
    """Sample of the result at which it begins."""
    samples: Samples
    under: Samples
    """Gain of the film's audio, shape (n,)."""
    ramp: Samples
    """Shape (n,), 0..1: 1 but for the fades."""

    @property
    def end(self) -> int:
        return self.first + self.samples.shape[1]

    def part(self, begin: int, size: int) -> tuple[slice, slice]:
        """Return where it lies in a block, and which of its samples those are."""
        first, end = max(self.first, begin), max(min(self.end, begin + size), max(self.first, begin))
        return slice(first - begin, end - begin), slice(first - self.first, end - self.first)


@dataclass(frozen=True, eq=False)
class _Placing:
    """The arithmetic of one result; see `place_lines`."""

    rate: int
    channels: int
    own: AudioParts | None
    lines: tuple[Line, ...]
    lowest: float
    fade: float

    def read(self) -> Iterator[Samples]:
        # The gain that keeps a line's sum within full scale needs its peak before its first sample, so that all is
        # added twice: the first time to find the peaks, one for each line.
        peaks = np.ones(len(self.lines), np.float32)
        for begin, total, voices in self._add():
            for voice in voices:
                inside, _ = voice.part(begin, total.shape[1])
                peaks[voice.number] = max(peaks[voice.number], np.abs(total[:, inside]).max(initial=0))
        for begin, total, voices in self._add():
            yield _lower(total, begin, [voice for voice in voices if peaks[voice.number] > 1], peaks)

    def _add(self) -> Iterator[tuple[int, Samples, list[_Voice]]]:
        """Yield the sum block by block: its first sample, the samples, and the lines that are heard in it."""
        begin, voices, waiting = 0, list[_Voice](), deque(enumerate(self.lines))
        for block in self._blocks():
            while waiting and round(waiting[0][1].start * self.rate) < begin + self.rate:
                voices.append(self._open(*waiting.popleft()))
            voices = [voice for voice in voices if voice.end > begin]
            if block is None and not voices and not waiting:
                return
            if block is None:
                size = self.rate if waiting else max(voice.end for voice in voices) - begin
                block = np.zeros((self.channels, min(self.rate, size)), np.float32)
            yield begin, _sum(block, begin, voices), voices
            begin += block.shape[1]

    def _blocks(self) -> Iterator[Samples | None]:
        """Yield the film's audio in blocks of a second, then None without end."""
        if self.own is not None:
            yield from cut_into_blocks(self.own.read(), self.rate)
        yield from repeat(None)

    def _open(self, number: int, line: Line) -> _Voice:
        samples = resample(read_line(line), self.rate, self.channels)
        middles = np.arange(samples.shape[1]) + 0.5
        ramp, own = (
            make_ramp(middles, len(middles), seconds * self.rate).astype(np.float32)
            for seconds in (self.fade, _LINE_FADE)
        )
        return _Voice(number, round(line.start * self.rate), samples * own, gain_of(self.lowest, ramp), ramp)


def _sum(block: Samples, begin: int, voices: list[_Voice]) -> Samples:
    """Return the film's audio, lowered under the lines, plus the lines."""
    under = np.ones(block.shape[1], np.float32)
    for voice in voices:
        inside, own = voice.part(begin, block.shape[1])
        under[inside] = np.minimum(under[inside], voice.under[own])
    total = block * under
    for voice in voices:
        inside, own = voice.part(begin, block.shape[1])
        total[:, inside] += voice.samples[:, own]
    return total


def _lower(total: Samples, begin: int, loud: list[_Voice], peaks: Samples) -> Samples:
    """Lower a sum under the lines that exceed full scale with it, by ramps; what still exceeds it there is clipped."""
    gain = np.ones(total.shape[1], np.float32)
    for voice in loud:
        inside, own = voice.part(begin, total.shape[1])
        gain[inside] = np.minimum(gain[inside], gain_of(1 / peaks[voice.number], voice.ramp[own]))
    total = total * gain
    for voice in loud:
        inside, _ = voice.part(begin, total.shape[1])
        total[:, inside] = np.clip(total[:, inside], -1, 1)
    return total
