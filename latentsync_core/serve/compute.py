"""The computation of a task: the same functions as `latentsync sync`, from file to file."""

from __future__ import annotations

from contextlib import closing
from functools import partial

from ..data import Progress
from ..media import FileClip, open_writer, read_audio
from ..models.bundle import LipSyncModels
from ..pipeline import plan_sync, render
from ..speakers import find_face
from ..weights import load_models
from .failure import failing
from .place import TaskFolder
from .setup import LipSyncSetup
from .worker import Compute


def load_compute(setup: LipSyncSetup) -> Compute:
    """Load the models of a setup, and return what computes tasks with them; raises as `load_models`."""
    models = load_models(setup.model, setup.resolution, setup.device, setup.dtype, setup.models_folders)
    return partial(compute_task, setup, models)


def compute_task(setup: LipSyncSetup, models: LipSyncModels, folder: TaskFolder, tell: Progress) -> None:
    """Lip-sync the video of a task to its audio; finished windows are kept, so that another call goes on.

    Raises TaskFailure.
    """
    audio, options = folder.media["audio"], setup.options
    with failing(folder.names):
        clip, speech = FileClip(folder.media["video"]), read_audio(audio)
        device = str(models.device)
        track = find_face(
            clip, setup.speaker, exact=options.exact, device=device, progress=tell, work=folder.work
        )
        dub = plan_sync(clip, speech, options, track, models=models)
        frames = render(dub, models, progress=tell, work=folder.work)
        with closing(frames), open_writer(
            folder.result, clip.height, clip.width, dub.fps, audio=audio, duration=dub.duration,
            crf=setup.crf, preset=setup.encoder_preset, color=clip.color, pixel_aspect=clip.pixel_aspect,
            samples=clip.samples,
        ) as writer:  # fmt: skip
            for seconds, frame in zip(dub.times, frames, strict=True):
                writer.write(frame, float(seconds))
