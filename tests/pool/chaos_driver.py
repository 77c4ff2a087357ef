"""A driver that is there to be killed: render a clip on a Ray cluster, and write down the hash of its frames.

python chaos_driver.py ADDRESS CHECKPOINT FOLDER: FOLDER gets `journal`, one file for each window that was begun, `work`
with finished windows, and in the end `sha256`. Without an address the windows are made here.
"""

import hashlib
import os
import sys
from functools import partial
from pathlib import Path

from pool.stand_in import StandIn
from support.runs import FAST, clip_of, speech_of, track_of
from support.tiny import as_golden_pipeline

from latentsync_core import Options, load_models
from latentsync_core.pipeline import plan_sync, render
from latentsync_core.pool import WindowPool, WorkerHere

FRAMES = 60


def begin_workers(address, maker):
    """How each of two workers is started."""
    if not address:
        return [lambda: WorkerHere(maker())]
    from latentsync_core.pool.cluster import RayWorker, Share, connect_ray

    connect_ray(address)
    return [partial(RayWorker, maker, Share(0, 1))] * 2


def run(address, checkpoint, folder):
    models = as_golden_pipeline(load_models(checkpoint, 64, "cpu", with_unet=False))
    options = Options(overlap=1, **FAST)
    dub = plan_sync(clip_of(FRAMES), speech_of(FRAMES / 25), options, track_of(FRAMES), models=models)
    (folder / "journal").mkdir(parents=True, exist_ok=True)
    maker = StandIn(seconds=0.2 if address else 0.0, journal=str(folder / "journal"))
    digest = hashlib.sha256()
    with WindowPool(begin_workers(address, maker)) as pool:
        for frame in render(dub, models, work=folder / "work", pool=pool):
            digest.update(frame)
    partial_file = folder / "sha256.partial"
    partial_file.write_text(f"{digest.hexdigest()} {dub.windows}")
    os.replace(partial_file, folder / "sha256")


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
