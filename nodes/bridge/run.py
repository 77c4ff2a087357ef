"""Run one lip-sync inside ComfyUI: models on the device, progress, interrupt, finished windows kept."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import comfy.model_management as mm
import torch

from ...latentsync_core.data import Array, Clip, FaceTrack, Waveform
from ...latentsync_core.options import Options
from ...latentsync_core.plan import DubPlan
from ...latentsync_core.timeleft import format_duration
from .devices import LoadedModel, explain_out_of_memory, load_best
from .progress import Reporter
from .temp import keep_results

if TYPE_CHECKING:
    from ...latentsync_core import LipSyncModels
    from ...latentsync_core.plan import LinePlan
    from ...latentsync_core.preflight import Preflight

OTHER_MODEL = "Choose it on LatentSync Load Model, which fetches it where it is missing."
HARD_FACE = "The face is hard to recognise: drawn, 3D or very small faces often come out badly."


@dataclass(frozen=True, eq=False)
class Rendering:
    """The frames of a planned dub, computed while they are read."""

    dub: DubPlan
    frames: Iterator[Array]
    newest_mask: deque[Array]
    """One item, (H, W) in 0..1: how much of the newest frame was changed."""


@contextmanager
def open_rendering(
    dub: DubPlan, models: LipSyncModels, steps: int, reporter: Reporter, work: Path
) -> Iterator[Rendering]:
    """Give the frames of a planned dub, which are no longer computed when the block ends; steps: of a window."""
    from ...latentsync_core.pipeline import render

    # Only the newest mask is held, so that a long video needs no more memory than a short one.
    mask: deque[Array] = deque(maxlen=1)
    frames = render(dub, models, progress=reporter, work=work, masks=mask.append)
    with closing(frames):
        yield Rendering(dub, reporter.show_frames(frames, dub, steps), mask)


class Tensors:
    """Holds the frames of a result as IMAGE (M, H, W, C) and MASK (M, H, W), on ComfyUI's intermediate device."""

    def __init__(self, rendering: Rendering, images: torch.Tensor | None) -> None:
        """images: the source frames (N, H, W, C), whose dtype and fourth channel the result keeps; None of a video."""
        self._rendering, self._images = rendering, images
        clip, shown = rendering.dub.clip, rendering.dub.source
        channels, dtype = (3, torch.float32) if images is None else (images.shape[3], images.dtype)
        place = mm.intermediate_device()
        self.images = torch.empty((len(shown), clip.height, clip.width, channels), dtype=dtype, device=place)
        self.mask = torch.empty(self.images.shape[:3], device=place)

    def fill(self) -> Iterator[Array]:
        """Yield the frames, and take each."""
        for i, frame in enumerate(self._rendering.frames):
            pixels = torch.from_numpy(frame)
            self.images[i, ..., :3] = pixels / 255 if pixels.dtype == torch.uint8 else pixels
            if self._images is not None:
                self.images[i, ..., 3:] = self._images[int(self._rendering.dub.source[i]), ..., 3:]
            self.mask[i] = torch.from_numpy(self._rendering.newest_mask[0])
            yield frame


def collect(rendering: Rendering, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Compute all frames as IMAGE and MASK; images: as of `Tensors`."""
    made = Tensors(rendering, images)
    deque(made.fill(), maxlen=0)
    return made.images, made.mask


@dataclass(frozen=True, eq=False)
class Job:
    """A planned lip-sync, computed while its frames are read."""

    rendering: Rendering
    preflight: Preflight
    model: str
    warning: str | None
    """Why the model does not suit the faces."""
    started: float = field(default_factory=time.monotonic)

    @property
    def line(self) -> LinePlan:
        return self.rendering.dub.lines[0]

    def report(self) -> str:
        """Return what was done, for people."""
        lines = [
            str(self.preflight),
            str(self.line.plan),
            f"face {self.line.track}",
            f"{self.model}; {format_duration(time.monotonic() - self.started)}",
        ]
        if self.warning:
            lines.insert(0, self.warning)
        if self.line.track.hard_to_recognise:
            lines.append(HARD_FACE)
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class SyncRequest:
    """One lip-sync; values as of `plan_sync`."""

    clip: Clip
    speech: Waveform
    options: Options
    speaker: FaceTrack | None
    protect: Clip | None = None
    only: tuple[float, float] | None = None
    audio_start: float | None = None


@contextmanager
def resync(asked: SyncRequest, loaded: LoadedModel | None, node_id: str | None) -> Iterator[Job]:
    """Plan a lip-sync and give it; its frames are computed while the block reads them.

    loaded: None for the best checkpoint on disk.
    """
    from ...latentsync_core.compositing import check_protect
    from ...latentsync_core.pipeline import plan_sync
    from ...latentsync_core.preflight import inspect_line
    from ...latentsync_core.speakers import find_face

    clip, options = asked.clip, asked.options
    if asked.protect is not None:
        check_protect(asked.protect, clip)
    reporter, loaded = Reporter(node_id, last="resync"), loaded or load_best()
    with explain_out_of_memory(), keep_results() as work, loaded.on_device() as models:
        track = asked.speaker or find_face(
            clip, exact=options.exact, device=str(models.device), progress=reporter, work=work
        )
        dub = plan_sync(
            clip, asked.speech, options, track,
            models=models, audio_start=asked.audio_start, only=asked.only, protect=asked.protect,
        )  # fmt: skip
        (line,) = dub.lines
        warning = warn_of_model(line, clip, models, reporter)
        preflight = inspect_line(clip, line, models)
        reporter.note(str(preflight))
        with open_rendering(dub, models, options.steps, reporter, work) as rendering:
            yield Job(rendering, preflight, describe_model(models), warning)


def warn_of_model(line: LinePlan, clip: Clip, models: LipSyncModels, reporter: Reporter) -> str | None:
    """Say, and return, why a model does not suit the face of a line; None where it does."""
    from ...latentsync_core.diffusion import warn_of_strange_faces

    reason = warn_of_strange_faces(clip, line.track, models, line.plan)
    if reason is None:
        return None
    warning = f"Warning: {reason} {OTHER_MODEL}"
    reporter.warn(warning)
    return warning


def describe_model(models: LipSyncModels) -> str:
    """Return which model runs where, for a report."""
    return f"{models.name} at {models.resolution} px on {models.device} in {models.precision}"
