"""Fit speech into its place: its pauses first, then its tempo."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..data import SPEECH_RATE, FloatArray, Line, Waveform
from ..errors import InputError
from ..media import change_tempo, read_line, to_speech_16k
from ..media.audio_decode import Samples
from ..speech import detect_speech
from ..speech.activity import HOP

SHORTEST_PAUSE = 0.12
"""Seconds that are left of a pause: less is a stop within a word."""

LONGEST_PAUSE = 2.0
"""Times as long as it was."""

TEMPO_RANGE = 0.9, 1.1
"""How fast speech may become, of what it was."""

_JOIN = 0.01
"""Seconds over which both sides of a cut within a pause are cross-faded."""


def fit_line(line: Line) -> tuple[Line, str]:
    """Return a line whose speech is fitted into its place if it asks for that, and a sentence on what was done.

    The sentence is of `fit_speech`. Raises InputError and MediaError where the audio cannot be read.
    """
    if not line.fit or line.end is None:
        return line, ""
    speech, note = fit_speech(read_line(line), line.end - line.start)
    return replace(line, audio=speech, audio_in=0.0, audio_out=None, fit=None), note


def fit_speech(waveform: Waveform, seconds: float) -> tuple[Waveform, str]:
    """Make speech last `seconds`, > 0, and say how; speech that cannot is returned as it is, with why.

    Pauses become shorter, down to 0.12 s, or up to twice as long; then all becomes up to 10 % faster or slower, with
    its pitch. The sentence is empty where nothing changes. Raises InputError on other seconds.
    """
    if not 0 < seconds < math.inf:
        raise InputError(f"Speech is fitted into seconds > 0, got {seconds}.")
    given, count = waveform.duration, round(seconds * waveform.sample_rate)
    if count == waveform.samples.shape[1]:
        return waveform, ""
    edges, is_pause = _find_pauses(waveform)
    lengths = np.diff(edges)
    spoken, pauses = float(lengths[~is_pause].sum()), np.where(is_pause, lengths, 0)
    shorter = seconds < given
    limit = np.minimum(pauses, SHORTEST_PAUSE) if shorter else pauses * LONGEST_PAUSE
    change = limit.sum() - pauses.sum()
    used = float(np.clip((seconds - given) / change, 0, 1)) if change else 0.0
    pauses += used * (limit - pauses)
    paused = float(pauses.sum())
    room = seconds - paused
    if not spoken / TEMPO_RANGE[1] <= room <= spoken / TEMPO_RANGE[0]:
        nearest = spoken / TEMPO_RANGE[shorter] + paused
        return waveform, (
            f"the speech lasts {given:.2f} s and its place {seconds:.2f} s; other pauses and a tempo within 10 % reach "
            f"{nearest:.2f} s, so it stays as it is."
        )
    tempo = round(spoken / room, 6)  # 1 where pauses suffice
    samples = _rebuild(waveform, edges, is_pause, np.where(is_pause, pauses, lengths / tempo), tempo, count)
    return Waveform(samples, waveform.sample_rate), _describe(given, seconds, used * float(change), tempo)


def _describe(given: float, seconds: float, pause: float, tempo: float) -> str:
    changes = [f"pauses {abs(pause):.2f} s {'longer' if pause > 0 else 'shorter'}"] if pause else []
    if tempo != 1:
        changes.append(f"speech {abs(tempo - 1):.1%} {'slower' if tempo < 1 else 'faster'}")
    return f"the speech is fitted from {given:.2f} to {seconds:.2f} s: {', '.join(changes)}."


def _find_pauses(waveform: Waveform) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return the edges in seconds between speech and pauses, with both ends, and which of the stretches are pauses.

    Where there is no speech, such as in noise, all of it counts as speech.
    """
    samples = to_speech_16k(waveform)
    active = detect_speech(samples, (np.arange(-(-len(samples) // HOP)) + 0.5) * HOP / SPEECH_RATE)
    active |= not active.any()
    changes = np.flatnonzero(np.diff(active)) + 1
    return np.array([0, *(changes * HOP / SPEECH_RATE), waveform.duration]), ~active[[0, *changes]]


def _rebuild(
    waveform: Waveform,
    edges: FloatArray,
    is_pause: npt.NDArray[np.bool_],
    lengths: FloatArray,
    tempo: float,
    count: int,
) -> Samples:
    """Return `count` samples in which the stretches between `edges` last `lengths` seconds."""
    rate = waveform.sample_rate
    spoken = waveform if tempo == 1 else change_tempo(waveform, tempo)
    sources = np.rint(edges / tempo * rate).astype(int).tolist()
    targets = np.rint(np.array([0, *np.cumsum(lengths)]) * rate).astype(int)
    targets[-1] = count
    fade = round(_JOIN * rate)
    parts = []
    for (first, last), size, pause in zip(
        pairwise(sources), np.diff(targets).tolist(), is_pause, strict=True
    ):
        part = spoken.samples[:, first : last if pause else first + size]
        parts.append(_resize(part, size, fade))
    return np.concatenate(parts, axis=1)


def _resize(part: Samples, size: int, fade: int) -> Samples:
    """Cut the middle out of audio, or fill it with its own first half, mirrored; `fade` samples are cross-faded."""
    given = part.shape[1]
    if given == size or given < 2:
        return np.pad(part[:, :size], ((0, 0), (0, max(0, size - given))))
    kept = min(given, size)
    start = np.pad(part[:, : kept // 2], ((0, 0), (0, size - kept)), "symmetric" if kept > 1 else "constant")
    end = given - (kept - kept // 2)
    before = part[:, max(0, end - fade) : end]
    width = min(before.shape[1], start.shape[1])
    ramp = (np.arange(width, dtype=np.float32) + 0.5) / max(1, width)
    start[:, start.shape[1] - width :] *= 1 - ramp
    start[:, start.shape[1] - width :] += ramp * before[:, before.shape[1] - width :]
    return np.concatenate([start, part[:, end:]], axis=1)
