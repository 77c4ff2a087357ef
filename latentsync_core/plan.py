"""Decide about every output frame before a single step is denoised.

The resulting `Plan` says at once how long the result is, which frames change, which pass through and why,
and how much there is to compute.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from .data import FaceTrack, FloatArray, IntArray, Plan, Window
from .errors import FaceError
from .media.timeline import Timeline
from .options import Options

RESYNC, NO_FACE, TURNED, SILENT = "resync", "no face", "turned away", "silent"
"""What happens to a frame, and why."""
MAX_DENOISED_FPS = 31
"""The checkpoints learned at 25 frames a second; above this only every k-th frame is denoised."""
FADE_SECONDS = 0.12
"""The generated mouth is faded in and out over this time where it meets frames that pass through."""


def build_plan(
    timeline: Timeline,
    track: FaceTrack,
    present: npt.NDArray[np.bool_],
    speaks: npt.NDArray[np.bool_],
    options: Options,
    window_frames: int = 16,
) -> Plan:
    """Plan the output frames of a timeline.

    track, present: the face and whether it is usable, one entry a frame of the clip. speaks: (M,), whether
    there is speech at each output frame. Raises FaceError if no frame can be re-synced, or if a frame has
    no face and `options.missing_face` is `error`.
    """
    reasons = _reasons(timeline.source, track, present, speaks, options)
    _require_faces(reasons, options)
    rate = len(timeline.source) / timeline.duration
    stride = 1 if options.exact else math.ceil(rate / MAX_DENOISED_FPS - 1e-6)
    changed = np.array([reason == RESYNC for reason in reasons])
    breaks = np.zeros(len(reasons), bool) if options.exact else _breaks(timeline.source, track.cuts)
    fade = 0 if options.exact else round(FADE_SECONDS * rate)
    segments = list(_segments(changed, breaks))
    windows = [
        window
        for number, (first, last) in enumerate(segments)
        for window in _windows(np.arange(first, last, stride), window_frames, options, number)
    ]
    return Plan(
        fps=options.fps or Fraction(rate).limit_denominator(1001),
        source=timeline.source,
        times=timeline.times,
        duration=timeline.duration,
        reasons=reasons,
        strength=_strength(segments, changed, breaks, fade),
        stride=stride,
        windows=tuple(windows),
    )


def _reasons(
    source: IntArray,
    track: FaceTrack,
    present: npt.NDArray[np.bool_],
    speaks: npt.NDArray[np.bool_],
    options: Options,
) -> tuple[str, ...]:
    """Why each output frame changes or passes through; the first reason that applies counts."""
    turned = np.nan_to_num(track.turn, nan=0.0) > options.max_turn
    silent = ~speaks & (options.silence == "keep")
    reasons = np.select([~present[source], turned[source], silent], [NO_FACE, TURNED, SILENT], RESYNC)
    return tuple(reasons.tolist())


def _require_faces(reasons: tuple[str, ...], options: Options) -> None:
    missing = [i for i, reason in enumerate(reasons) if reason == NO_FACE]
    if len(missing) == len(reasons):
        raise FaceError(
            f"None of the {len(reasons)} frames shows the face. Check the clip, or the speaker that was chosen."
        )
    if missing and options.missing_face == "error":
        raise FaceError(
            f"{len(missing)} of {len(reasons)} frames show no face, the first is frame {missing[0]}. "
            'With missing_face="keep" such frames pass through unchanged.'
        )


def _breaks(source: IntArray, cuts: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """True where an output frame does not continue the one before: a scene cut, or a jump in the source.

    Walking backwards (`bounce`) is continuous too; there a cut lies on the frame after the one that opens.
    """
    steps = np.diff(source, prepend=source[0])
    opens = np.isin(source, cuts) & (steps > 0)
    opens[1:] |= np.isin(source[:-1], cuts) & (steps[1:] < 0)
    return opens | (np.abs(steps) > np.median(np.abs(steps)) + 2)


def _segments(changed: npt.NDArray[np.bool_], breaks: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Longest stretches [first, last) of changed frames without a break inside."""
    first = None
    for i, (active, opens) in enumerate(zip(changed, breaks, strict=True)):
        if first is not None and (opens or not active):
            yield first, i
            first = None
        if active and first is None:
            first = i
    if first is not None:
        yield first, len(changed)


def _windows(keys: IntArray, size: int, options: Options, segment: int = 0) -> list[Window]:
    """Cover the frames `keys` by windows of `size` that share `options.overlap` frames.

    The last window starts early instead of being short (`exact`: it is short, as upstream's). 40 keys, size
    16, overlap 4 -> windows at 0, 12, 24.
    """
    if options.exact:
        starts = list(range(0, len(keys), size))
    else:
        final = max(0, len(keys) - size)
        starts = [*range(0, final, size - min(options.overlap, size - 1)), final]
    spans = [(start, min(start + size, len(keys))) for start in starts]
    shares = np.zeros((len(spans), len(keys)), np.float32)
    for i, (start, end) in enumerate(spans):
        rise = spans[i - 1][1] - start if i else 0
        fall = end - spans[i + 1][0] if i + 1 < len(spans) else 0
        shares[i, start:end] = _ramps(end - start, rise, fall)
    shares /= shares.sum(0)
    return [Window(keys[a:b], shares[i, a:b], segment) for i, (a, b) in enumerate(spans)]


def _ramps(length: int, rise: int, fall: int) -> FloatArray:
    """Ones with linear ramps over the frames shared with the neighbours; never 0."""
    position = np.arange(length) + 1.0
    return np.minimum(1.0, np.minimum(position / (rise + 1), position[::-1] / (fall + 1)))


def _strength(
    segments: list[tuple[int, int]], changed: npt.NDArray[np.bool_], breaks: npt.NDArray[np.bool_], fade: int
) -> npt.NDArray[np.float32]:
    """1 in the segments, ramped where one begins or ends beside a frame that passes through in the same scene."""
    strength = np.zeros(len(changed), np.float32)
    for first, last in segments:
        rise = fade if first > 0 and not breaks[first] else 0
        fall = fade if last < len(changed) and not breaks[last] else 0
        strength[first:last] = _ramps(last - first, rise, fall)
    return strength
