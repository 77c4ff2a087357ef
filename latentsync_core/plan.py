"""Plan every output frame before anything is denoised.

The `Plan` says how long the result is, which frames change, which pass through and why, and how much there is to
compute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .data import Clip, FaceTrack, FloatArray, IntArray, Plan, Window
from .errors import FaceError
from .media.lengths import length_notes
from .media.timeline import Timeline
from .options import Options

RESYNC, NO_FACE, TURNED, SILENT = "resync", "no face", "turned away", "silent"
"""`Plan.reasons`."""
MAX_DENOISED_FPS = 31
"""The checkpoints were trained at 25 frames a second; of frames that come faster only some are denoised."""
TURN_BACK = 0.85
"""A head that was turned too far counts as back below this fraction of the limit (hysteresis)."""
JUMP_SECONDS = 0.25
"""The source jumps where it moves this much further than it usually does between two output frames."""
FADE_SECONDS = 0.12
"""The generated mouth is faded in and out over this time beside frames that pass through."""


def early_starts(keys: int, size: int, overlap: int) -> list[int]:
    """Return where windows begin, the last one early rather than short: 40, 16, 4 -> 0, 12, 24."""
    final = max(0, keys - size)
    return [*range(0, final, size - min(overlap, size - 1)), final]


@dataclass(frozen=True)
class Layout:
    """How the frames that are re-synced are laid out in windows."""

    breaks: bool = True
    """Whether a window ends where the scene changes or the source jumps."""
    fade_seconds: float = FADE_SECONDS
    most_fps: float = MAX_DENOISED_FPS
    starts: Callable[[int, int, int], list[int]] = early_starts
    """Returns where windows begin, from a number of frames, the size of a window and the overlap."""


def build_plan(
    clip: Clip,
    timeline: Timeline,
    track: FaceTrack,
    present: npt.NDArray[np.bool_],
    speaks: npt.NDArray[np.bool_],
    speech_duration: float,
    options: Options,
    window_frames: int = 16,
    layout: Layout | None = None,
) -> Plan:
    """Plan the output frames of a timeline of the clip.

    track, present: the face and whether it is usable, one entry per frame of the clip. speaks: (M,), whether there
    is speech at each output frame. speech_duration: in seconds. window_frames: denoised together. layout: None is
    `Layout()`. Raises FaceError if no frame shows the face, or if one does not and `options.missing_face` is `error`.
    """
    layout = layout or Layout()
    reasons = _decide(timeline.source, track, present, speaks, options)
    _require_faces(reasons, options)
    changed = np.array([reason == RESYNC for reason in reasons])
    rate = len(timeline.source) / timeline.duration
    breaks = _find_breaks(timeline, clip.times, track.cuts) & layout.breaks
    segments = list(_find_segments(changed, breaks))
    windows = [
        window
        for number, (first, last) in enumerate(segments)
        for window in _lay_windows(
            _pick_keys(timeline.times, first, last, 1 / layout.most_fps),
            window_frames,
            options.overlap,
            number,
            layout,
        )
    ]
    return Plan(
        fps=options.fps or clip.fps,
        source=timeline.source,
        times=timeline.times,
        duration=timeline.duration,
        reasons=reasons,
        strength=_fade(segments, changed, breaks, round(layout.fade_seconds * rate)),
        windows=tuple(windows),
        speech_duration=speech_duration,
        notes=length_notes(options.length, clip.times, clip.duration, speech_duration, timeline.duration),
    )


def _decide(
    source: IntArray,
    track: FaceTrack,
    present: npt.NDArray[np.bool_],
    speaks: npt.NDArray[np.bool_],
    options: Options,
) -> tuple[str, ...]:
    """Return why each output frame changes or passes through; the first reason that applies counts."""
    turned = _is_turned(track.turn, options.max_turn)
    silent = ~speaks & (options.silence == "keep")
    reasons = np.select([~present[source], turned[source], silent], [NO_FACE, TURNED, SILENT], RESYNC)
    return tuple(reasons.tolist())


def _is_turned(turn: FloatArray, limit: float) -> npt.NDArray[np.bool_]:
    """Tell in which frames the head is turned beyond the limit; it counts as back only when it is well below."""
    # Without hysteresis a head that rests near the limit would switch between two mouths from frame to frame. Where
    # no face was found (NaN) the state is held, so that a blink of the detector does not end it.
    turned, state = np.zeros(len(turn), bool), False
    for i, value in enumerate(turn):
        if not np.isnan(value):
            state = bool(value > (limit * TURN_BACK if state else limit))
        turned[i] = state
    return turned


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


def _find_breaks(timeline: Timeline, clip_times: FloatArray, cuts: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Tell which output frames do not continue the one before: another scene, or a jump in the source.

    Playing backwards (`bounce`), slower or faster (`remap`) is no jump.
    """
    # Windows must not span a break: the network's temporal layers would blend the two scenes' faces. A jump is
    # measured against the usual speed of the source (`remap` may skip frames throughout).
    scene = np.searchsorted(cuts, timeline.source, side="right")
    moved = np.abs(np.diff(clip_times[timeline.source]))
    passed = np.diff(timeline.times)
    speed = np.median(moved / passed) if len(moved) else 1.0
    jumps = moved > speed * passed + JUMP_SECONDS
    return np.concatenate([[False], (scene[1:] != scene[:-1]) | jumps])


def _pick_keys(times: FloatArray, first: int, last: int, apart: float) -> IntArray:
    """Pick the frames of a segment to denoise: at least `apart` seconds lie between two of them."""
    keys = [first]
    for i in range(first + 1, last):
        if times[i] - times[keys[-1]] >= apart - 1e-6:
            keys.append(i)
    return np.array(keys)


def _find_segments(
    changed: npt.NDArray[np.bool_], breaks: npt.NDArray[np.bool_]
) -> Iterator[tuple[int, int]]:
    """Yield the longest stretches [first, last) of changed frames without a break inside."""
    first = None
    for i, (active, opens) in enumerate(zip(changed, breaks, strict=True)):
        if first is not None and (opens or not active):
            yield first, i
            first = None
        if active and first is None:
            first = i
    if first is not None:
        yield first, len(changed)


def _lay_windows(
    keys: IntArray, size: int, overlap: int, segment: int = 0, layout: Layout | None = None
) -> list[Window]:
    """Cover the frames `keys` by windows of `size` that share `overlap` frames."""
    # The last window starts early rather than being short, and so may share more than `overlap` frames: the ramps
    # are as long as what two neighbours really share, and the division makes the weights of each frame sum to 1.
    starts = (layout or Layout()).starts(len(keys), size, overlap)
    spans = [(start, min(start + size, len(keys))) for start in starts]
    weights = np.zeros((len(spans), len(keys)), np.float32)
    for i, (start, end) in enumerate(spans):
        rise = spans[i - 1][1] - start if i else 0
        fall = end - spans[i + 1][0] if i + 1 < len(spans) else 0
        weights[i, start:end] = _ramp(end - start, rise, fall)
    weights /= weights.sum(0)
    return [Window(keys[a:b], weights[i, a:b], segment) for i, (a, b) in enumerate(spans)]


def _ramp(length: int, rise: int, fall: int) -> FloatArray:
    """Return ones (length,) with linear ramps over the first `rise` and the last `fall`; never 0."""
    position = np.arange(length) + 1.0
    return np.minimum(1.0, np.minimum(position / (rise + 1), position[::-1] / (fall + 1)))


def _fade(
    segments: list[tuple[int, int]], changed: npt.NDArray[np.bool_], breaks: npt.NDArray[np.bool_], fade: int
) -> npt.NDArray[np.float32]:
    """Return 1 in the segments, ramped where one begins or ends beside a frame that passes through in its scene."""
    # At a break there is no fade: the image changes anyway, and a weak mouth would show the source's lips.
    strength = np.zeros(len(changed), np.float32)
    for first, last in segments:
        rise = fade if first > 0 and not breaks[first] else 0
        fall = fade if last < len(changed) and not breaks[last] else 0
        strength[first:last] = _ramp(last - first, rise, fall)
    return strength
