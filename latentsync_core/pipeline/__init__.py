"""Lip-sync a clip: survey the faces, plan every frame, generate the mouths, composite them back."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

from ..data import Array, Clip, FaceTrack, Frame, Plan, Progress, Waveform
from ..models.bundle import LipSyncModels
from ..options import Options
from ..speakers import find_face
from .dubbing import plan_dub
from .planning import plan_sync
from .rendering import Mouths, make_mouths, paste_mouths, render

__all__ = [
    "Mouths",
    "lip_sync",
    "make_mouths",
    "make_plan",
    "paste_mouths",
    "plan_dub",
    "plan_sync",
    "render",
]


def lip_sync(
    clip: Clip,
    speech: Waveform,
    models: LipSyncModels,
    options: Options | None = None,
    track: FaceTrack | None = None,
    *,
    progress: Progress | None = None,
    work: Path | None = None,
    masks: Callable[[Array], None] | None = None,
    protect: Clip | None = None,
) -> Generator[Frame, None, None]:
    """Yield the frames of the result in order, each (H, W, 3): a dub of one line over all of the clip.

    track: the face to re-sync, one entry per frame of the clip, which may have been scaled since; None looks for it.
    protect: masks of what lies before the face, in frames of the clip's size, one per frame of the clip or one for all:
    where they are white the source stays on top, bit for bit, and in part where they are grey. progress, work, masks:
    as of `render`.

    Raises the errors of `latentsync_core.errors`; nothing is denoised before the plan is made.
    """
    options = options or Options()
    if track is None:
        device = str(models.device)
        track = find_face(clip, exact=options.exact, device=device, progress=progress, work=work)
    dub = plan_sync(clip, speech, options, track, models=models, protect=protect)
    yield from render(dub, models, progress=progress, work=work, masks=masks)


def make_plan(
    clip: Clip,
    speech: Waveform,
    options: Options | None = None,
    track: FaceTrack | None = None,
    *,
    models: LipSyncModels | None = None,
    audio_start: float | None = None,
    progress: Progress | None = None,
    protect: Clip | None = None,
) -> Plan:
    """Plan every output frame, to be looked at; what `plan_sync` returns can be rendered. Arguments as of it."""
    (line,) = plan_sync(
        clip, speech, options, track,
        models=models, audio_start=audio_start, progress=progress, protect=protect,
    ).lines  # fmt: skip
    return line.plan
