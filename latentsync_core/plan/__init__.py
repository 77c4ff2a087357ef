"""Plan every output frame before anything is denoised.

The `Plan` says how long the result is, which frames change, which pass through and why, and how much there is to
compute.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import Clip, FaceTrack, Plan
from ..media.lengths import describe_lengths
from ..media.timeline import Timeline
from ..options import Options
from .causes import RESYNC, SILENT, decide, find_causes, require_faces
from .dub import DubPlan, LinePlan
from .layout import (
    FADE_SECONDS,
    MAX_DENOISED_FPS,
    Layout,
    early_starts,
    fade_speech,
    fill_window,
    find_breaks,
    find_segments,
    lay_windows,
    limit_steps,
    pick_keys,
)

__all__ = [
    "FADE_SECONDS",
    "MAX_DENOISED_FPS",
    "RESYNC",
    "SILENT",
    "DubPlan",
    "Layout",
    "LinePlan",
    "build_plan",
    "early_starts",
]


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
    asked: npt.NDArray[np.bool_] | None = None,
) -> Plan:
    """Plan the output frames of a timeline of the clip.

    track, present: the face and whether it is usable, one entry per frame of the clip. speaks: (M,), whether there
    is speech at each output frame. speech_duration: in seconds. window_frames: denoised together. layout: None is
    `Layout()`. asked: (M,), the frames that may change; None is all.

    Raises FaceError if no frame shows the face, or if one does not and `options.missing_face` is `error`.
    """
    layout = layout or Layout()
    causes = find_causes(timeline.source, track, present, speaks, options, float(clip.fps), asked)
    reasons, alpha = decide(causes, len(timeline.source))
    require_faces(reasons, options)
    changed = np.array([reason == RESYNC for reason in reasons])
    rate = len(timeline.source) / timeline.duration
    breaks = find_breaks(timeline, clip.times, track.cuts) & layout.breaks
    segments = list(find_segments(changed, breaks))
    fade = round(layout.fade_seconds * rate)
    windows = [
        window
        for number, (first, last) in enumerate(segments)
        for window in lay_windows(
            pick_keys(timeline.times, first, last, 1 / layout.most_fps),
            window_frames,
            options.overlap,
            number,
            layout,
        )
    ]
    if layout.fill:
        usable = present[timeline.source]
        windows = [fill_window(window, window_frames, timeline.times, usable, breaks) for window in windows]
    return Plan(
        fps=options.fps or clip.fps,
        source=timeline.source,
        times=timeline.times,
        duration=timeline.duration,
        reasons=reasons,
        strength=limit_steps(alpha, breaks, fade),
        voice=fade_speech(speaks, breaks, fade) if options.silence == "closed" else None,
        windows=tuple(windows),
        speech_duration=speech_duration,
        speaks=speaks,
        notes=describe_lengths(options.length, clip.times, clip.duration, speech_duration, timeline.duration),
    )
