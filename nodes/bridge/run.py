"""One lip-sync inside ComfyUI: models on the device, progress, interrupt, finished windows kept."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ...latentsync_core.data import Array, Clip, FaceTrack, Plan, Waveform
from ...latentsync_core.options import Options
from .devices import LoadedModel, best, out_of_memory
from .progress import Reporter, duration
from .temp import kept_results

OTHER_MODEL = "Choose it on LatentSync Load Model, which fetches it where it is missing."
UNSURE = 0.6
"""Below this mean score a face is unlike those the models know (drawn, 3D, very small)."""


@dataclass(frozen=True, eq=False)
class Job:
    """A lip-sync that is planned and goes on as its frames are taken."""

    plan: Plan
    track: FaceTrack
    frames: Iterator[Array]
    newest_mask: deque[Array]
    """One item, (H, W) in 0..1: how much of the newest frame was changed."""
    model: str
    warning: str | None
    """Why the model does not suit the faces."""
    started: float = field(default_factory=time.monotonic)

    def report(self) -> str:
        """What was done, for people."""
        found = self.track.found
        score = float(self.track.scores[found].mean())
        lines = [
            str(self.plan),
            f"face found in {found.sum()} of {len(found)} frames, score {score:.2f}, "
            f"turned by up to {self.track.turn[found].max():.2f}",
            f"{self.model}; {duration(time.monotonic() - self.started)}",
        ]
        if self.warning:
            lines.insert(0, self.warning)
        if score < UNSURE:
            lines.append("The face is hard to recognise: drawn, 3D or very small faces often come out badly.")
        return "\n".join(lines)


@contextmanager
def resyncing(
    clip: Clip,
    speech: Waveform,
    loaded: LoadedModel | None,
    options: Options,
    speaker: FaceTrack | None,
    node_id: str | None,
    audio_start: float | None = None,
) -> Iterator[Job]:
    """Plan a lip-sync and give it; its frames are made while the block takes them. No model is the best on disk.

    audio_start: as of `make_plan`.
    """
    from ...latentsync_core.diffusion import strange_faces
    from ...latentsync_core.pipeline import find_face, lip_sync, make_plan

    reporter, loaded = Reporter(node_id, last="resync"), loaded or best()
    with out_of_memory(), kept_results() as work, loaded.on_device() as models:
        track = speaker or find_face(clip, device=str(models.device), progress=reporter, work=work)
        plan = make_plan(
            clip, speech, options, track, audio_start=audio_start, window_frames=models.window_frames
        )
        warning = strange_faces(clip, track, models, plan)
        if warning:
            warning = f"Warning: {warning} {OTHER_MODEL}"
            reporter.warn(warning)
        mask: deque[Array] = deque(maxlen=1)
        frames = lip_sync(
            clip, speech, models, options, track, plan=plan, progress=reporter, work=work, masks=mask.append
        )
        yield Job(
            plan,
            track,
            reporter.frames(frames, plan, options.steps),
            mask,
            f"{models.name} at {models.resolution} px on {models.device} in {models.precision}",
            warning,
        )
