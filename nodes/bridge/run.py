"""Run one lip-sync inside ComfyUI: models on the device, progress, interrupt, finished windows kept."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import comfy.model_management as mm
import torch

from ...latentsync_core.data import Array, Clip, FaceTrack, Plan, Waveform
from ...latentsync_core.options import Options
from ...latentsync_core.timeleft import format_duration
from .devices import LoadedModel, explain_out_of_memory, load_best
from .progress import Reporter
from .temp import keep_results

if TYPE_CHECKING:
    from ...latentsync_core.preflight import Preflight

OTHER_MODEL = "Choose it on LatentSync Load Model, which fetches it where it is missing."


@dataclass(frozen=True, eq=False)
class Job:
    """A planned lip-sync, computed while its frames are read."""

    plan: Plan
    preflight: Preflight
    track: FaceTrack
    frames: Iterator[Array]
    newest_mask: deque[Array]
    """One item, (H, W) in 0..1: how much of the newest frame was changed."""
    model: str
    warning: str | None
    """Why the model does not suit the faces."""
    started: float = field(default_factory=time.monotonic)

    def report(self) -> str:
        """Return what was done, for people."""
        lines = [
            str(self.preflight),
            str(self.plan),
            f"face {self.track}",
            f"{self.model}; {format_duration(time.monotonic() - self.started)}",
        ]
        if self.warning:
            lines.insert(0, self.warning)
        if self.track.hard_to_recognise:
            lines.append("The face is hard to recognise: drawn, 3D or very small faces often come out badly.")
        return "\n".join(lines)


@contextmanager
def resync(
    clip: Clip,
    speech: Waveform,
    loaded: LoadedModel | None,
    options: Options,
    speaker: FaceTrack | None,
    node_id: str | None,
    audio_start: float | None = None,
    protect: Clip | None = None,
) -> Iterator[Job]:
    """Plan a lip-sync and give it; its frames are computed while the block reads them.

    loaded: None for the best checkpoint on disk. audio_start: as in `plan_sync`. protect: as in `lip_sync`.
    """
    from ...latentsync_core.compositing import check_protect
    from ...latentsync_core.diffusion import warn_of_strange_faces
    from ...latentsync_core.pipeline import plan_sync, render
    from ...latentsync_core.preflight import inspect_line
    from ...latentsync_core.speakers import find_face

    if protect is not None:
        check_protect(protect, clip)
    reporter, loaded = Reporter(node_id, last="resync"), loaded or load_best()
    with explain_out_of_memory(), keep_results() as work, loaded.on_device() as models:
        track = speaker or find_face(
            clip, exact=options.exact, device=str(models.device), progress=reporter, work=work
        )
        dub = plan_sync(clip, speech, options, track, models=models, audio_start=audio_start, protect=protect)
        (line,) = dub.lines
        plan = line.plan
        warning = warn_of_strange_faces(clip, track, models, plan)
        if warning:
            warning = f"Warning: {warning} {OTHER_MODEL}"
            reporter.warn(warning)
        preflight = inspect_line(clip, line, models)
        reporter.note(str(preflight))
        # Only the newest mask is held, so that a long video needs no more memory than a short one.
        mask: deque[Array] = deque(maxlen=1)
        frames = render(dub, models, progress=reporter, work=work, masks=mask.append)
        with closing(frames):
            yield Job(
                plan,
                preflight,
                track,
                reporter.show_frames(frames, dub, options.steps),
                mask,
                f"{models.name} at {models.resolution} px on {models.device} in {models.precision}",
                warning,
            )


def collect(job: Job, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute all frames of a job as IMAGE (M, H, W, C) and MASK (M, H, W), on ComfyUI's intermediate device.

    images: the source frames (N, H, W, C), whose dtype and fourth channel the result keeps.
    """
    place, shown = mm.intermediate_device(), torch.from_numpy(job.plan.source)
    result = torch.empty((len(shown), *images.shape[1:]), dtype=images.dtype, device=place)
    mask = torch.empty(result.shape[:3], device=place)
    for i, frame in enumerate(job.frames):
        result[i, ..., :3] = torch.from_numpy(frame)
        result[i, ..., 3:] = images[shown[i], ..., 3:]
        mask[i] = torch.from_numpy(job.newest_mask[0])
    return result, mask
