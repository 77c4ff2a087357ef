"""The computation of a task: the same functions as `latentsync sync`, from file to file."""

from __future__ import annotations

from functools import partial

from ..data import Progress
from ..media import FileClip, read_audio, write_result
from ..models.bundle import LipSyncModels
from ..pipeline import lip_sync, make_plan
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
    video, audio, options = folder.media["video"], folder.media["audio"], setup.options
    with failing(folder.names):
        clip, speech = FileClip(video), read_audio(audio)
        device = str(models.device)
        track = find_face(
            clip, setup.speaker, exact=options.exact, device=device, progress=tell, work=folder.work
        )
        plan = make_plan(clip, speech, options, track, window_frames=models.window_frames)
        frames = lip_sync(clip, speech, models, options, track, plan=plan, progress=tell, work=folder.work)
        write_result(folder.result, frames, clip, plan, audio, crf=setup.crf, preset=setup.encoder_preset)
