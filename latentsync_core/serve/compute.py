"""The computation of a task: the same functions as `latentsync sync`, from file to file."""

from __future__ import annotations

import logging
from contextlib import closing
from functools import partial

from ..data import Progress
from ..media import FileClip, open_writer, read_audio
from ..method import check_independent
from ..models.bundle import LipSyncModels
from ..pipeline import plan_sync, render
from ..pool import WindowPool, start_networks
from ..speakers import find_face
from .failure import TaskFailure, failing
from .place import TaskFolder
from .setup import LipSyncSetup
from .worker import Compute

log = logging.getLogger(__name__)


def load_compute(setup: LipSyncSetup) -> Compute:
    """Load the models of a setup, and return what computes tasks with them; raises as `start_networks`.

    Workers are there for all tasks: they end with the process.
    """
    if setup.workers:
        check_independent(setup.options)
    models, pool = start_networks(setup.source, setup.device, setup.workers)
    if pool is None:
        return partial(compute_task, setup, models, None)
    pool.wait_for_worker()
    return partial(_compute_by, pool, partial(compute_task, setup, models, pool))


def _compute_by(pool: WindowPool, compute: Compute, folder: TaskFolder, tell: Progress) -> None:
    """Compute a task; where the pool has failed, end this process: the next one starts workers anew and goes on."""
    try:
        compute(folder, tell)
    except TaskFailure:
        if pool.error is None:
            raise
        log.error("The workers are gone: %s", pool.error)
        raise SystemExit(1) from pool.error


def compute_task(
    setup: LipSyncSetup,
    models: LipSyncModels,
    pool: WindowPool | None,
    folder: TaskFolder,
    tell: Progress,
) -> None:
    """Lip-sync the video of a task to its audio; finished windows are kept, so that another call goes on.

    pool: makes the windows, None is this process. Raises TaskFailure.
    """
    audio, options = folder.media["audio"], setup.options
    with failing(folder.names):
        clip, speech = FileClip(folder.media["video"]), read_audio(audio)
        device = str(models.device)
        track = find_face(
            clip, setup.speaker, exact=options.exact, device=device, progress=tell, work=folder.work
        )
        dub = plan_sync(clip, speech, options, track, models=models)
        frames = render(dub, models, progress=tell, work=folder.work, pool=pool)
        with closing(frames), open_writer(
            folder.result, clip.height, clip.width, dub.fps, audio=audio, duration=dub.duration,
            crf=setup.crf, preset=setup.encoder_preset, color=clip.color, pixel_aspect=clip.pixel_aspect,
            samples=clip.samples,
        ) as writer:  # fmt: skip
            for seconds, frame in zip(dub.times, frames, strict=True):
                writer.write(frame, float(seconds))
