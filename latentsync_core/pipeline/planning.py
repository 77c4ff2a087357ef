"""Plan a dub: whose mouth says what in each frame, before anything is denoised."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..compositing import check_protect
from ..data import Clip, FaceTrack, Progress, Waveform
from ..errors import OptionError
from ..faces import fit_track, hold_place
from ..media import fit
from ..media.lengths import describe_part
from ..media.span import TIME_TOLERANCE
from ..media.timeline import Timeline
from ..method import method_of
from ..models.bundle import LipSyncModels
from ..options import Options
from ..plan import DubPlan, LinePlan, build_plan
from ..speakers import find_face
from ..speech import detect_speech, measure_extent

PLAIN_RESOLUTION, PLAIN_WINDOW = 256, 16
"""What a plan is made for where no networks are named: LatentSync 1.5's, and nano's."""


def plan_sync(
    clip: Clip,
    speech: Waveform,
    options: Options | None = None,
    track: FaceTrack | None = None,
    *,
    models: LipSyncModels | None = None,
    audio_start: float | None = None,
    only: tuple[float, float] | None = None,
    progress: Progress | None = None,
    protect: Clip | None = None,
) -> DubPlan:
    """Plan a dub of one line over the whole clip; nothing is denoised. Arguments as of `lip_sync`.

    models: that are to render it; None plans for windows of 16 frames. audio_start: where the clip is a part of a
    longer one, the second of the speech at which it begins, >= 0. The whole speech is encoded, so that a part comes out
    as in one go, and a part keeps its frames whatever `options.length` is. None: the clip is all there is. only: the
    seconds of the result between which mouths may change; all other frames pass through. With `protect` nothing else
    decides where a mouth is covered. Raises OptionError for another audio_start or only, and what `lip_sync` raises.
    """
    start, options = _place_part(audio_start, options or Options())
    if protect is not None:
        check_protect(protect, clip)
        options = replace(options, covered="ignore")
    if track is None:
        track = find_face(clip, exact=options.exact, progress=progress)
    track = fit_track(track, clip)
    held = hold_place(track, clip.times) if options.missing_face == "hold" else track
    method = method_of(options)
    method.check(clip, options)
    samples = method.prepare_speech(speech)
    seconds = method.measure_speech(speech, len(samples), options.fps or clip.fps)
    extent = measure_extent(samples)
    timeline = fit(clip.times, clip.duration, seconds, options.length, options.fps, extent)
    resolution = models.alignment if models else PLAIN_RESOLUTION
    window_frames = models.window_frames if models else PLAIN_WINDOW
    matrices = method.align(clip, held, resolution)
    present = ~np.isnan(matrices[:, 0, 0])
    speaks = detect_speech(samples, timeline.times + start)
    plan = build_plan(
        clip, timeline, held, present, speaks, speech.duration, options, window_frames, method.layout,
        asked=None if only is None else _ask_frames(timeline, only),
    )  # fmt: skip
    if audio_start is not None:
        plan = replace(plan, speech_start=start, notes=describe_part(plan, start))
    line = LinePlan(0, plan, track, matrices[plan.source], samples, options, protect)
    return DubPlan(clip, plan.fps, plan.source, plan.times, plan.duration, (line,), resolution, window_frames)


def _ask_frames(timeline: Timeline, only: tuple[float, float]) -> npt.NDArray[np.bool_]:
    """Return the frames of a timeline that start in a range of seconds, (M,)."""
    start, end = only
    asked = (timeline.times >= start - TIME_TOLERANCE) & (timeline.times < end - TIME_TOLERANCE)
    if not (0 <= start < end and asked.any()):
        raise OptionError(
            f"A range takes a start >= 0 and an end after it, with frames in between, got {start:g} to {end:g} "
            f"seconds; the result has {timeline.duration:g}."
        )
    return asked


def _place_part(audio_start: float | None, options: Options) -> tuple[float, Options]:
    """Return the second of the speech at which the clip begins, and its options: a part keeps its length."""
    if audio_start is None:
        return 0.0, options
    if not 0 <= audio_start < math.inf:
        raise OptionError(f"audio_start takes seconds >= 0, got {audio_start}.")
    return float(audio_start), replace(options, length="silence")
