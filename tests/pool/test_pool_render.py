"""What a pool makes is what one process makes: the same frames, the same kept windows, whoever denoises."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from support.runs import FAST, clip_of, speech_of, sync, track_of
from support.tiny import golden_pipeline_models

from latentsync_core import Options
from latentsync_core.diffusion import Denoiser
from latentsync_core.errors import OptionError
from latentsync_core.pipeline import plan_sync, render
from latentsync_core.pool import NetworkMaker, WindowPool, WorkerHere

COUNT = 18


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return golden_pipeline_models(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def local(models):
    return sync(models, COUNT, missing=range(8, 10))


def pooled(models, workers=2, **more):
    """Frames made by a pool, by a process that has no UNet of its own."""
    dub = plan_sync(
        clip_of(COUNT), speech_of(COUNT / 25), Options(**FAST), track_of(COUNT, range(8, 10)), models=models
    )
    with WindowPool([lambda: WorkerHere(NetworkMaker(models))] * workers) as pool:
        yield from render(dub, replace(models, unet=Unused.of(models.unet)), pool=pool, **more)


class Unused:
    """A UNet that only says what it takes."""

    def __init__(self, config):
        self.config = config

    @classmethod
    def of(cls, unet):
        return cls(unet.config)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_pool_makes_the_frames_and_windows_of_one_process(models, local, tmp_path, workers):
    assert np.array_equal(local, list(pooled(models, workers, work=tmp_path / "pool")))
    sync(models, COUNT, missing=range(8, 10), work=tmp_path / "own")
    assert contents(tmp_path / "pool") == contents(tmp_path / "own")


def test_a_stopped_run_goes_on_where_it_was(models, local, tmp_path, monkeypatch):
    frames = pooled(models, work=tmp_path)
    first = [next(frames) for _ in range(8)]
    frames.close()
    kept, denoise, calls = len(contents(tmp_path)), Denoiser.denoise, []
    assert np.array_equal(first, local[:8]) and kept > 2
    monkeypatch.setattr(Denoiser, "denoise", lambda *given: calls.append(1) or denoise(*given))
    assert np.array_equal(local, list(pooled(models, work=tmp_path)))
    assert len(calls) == len(contents(tmp_path)) - kept > 0


def test_progress_counts_windows_and_may_cancel(models):
    seen = []
    frames = list(pooled(models, progress=lambda *step: seen.append(step)))
    stages = [stage for stage, _, _ in seen]
    done = [done for stage, done, _ in seen if stage == "windows"]
    assert len(frames) == COUNT and stages[0] == "listen" and done == sorted(done) and done[0] == 0
    assert seen[-1] == ("windows", done[-1], done[-1]) and set(stages) == {"listen", "windows"}

    def cancel(stage, done, total):
        if (stage, done) == ("windows", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(pooled(models, progress=cancel))
    assert not [thread for thread in threading.enumerate() if "lane" in thread.name]


def test_what_goes_wrong_in_a_window_ends_the_run(models, monkeypatch):
    def denoise(self, window):
        raise OptionError("no such luck")

    monkeypatch.setattr(Denoiser, "denoise", denoise)
    with pytest.raises(OptionError, match="no such luck"):
        list(pooled(models))


def test_exact_is_refused(models):
    options = Options.preset("exact", **FAST)
    dub = plan_sync(clip_of(6), speech_of(0.24), options, track_of(6), models=models)
    with WindowPool([lambda: WorkerHere(NetworkMaker(models))]) as pool:
        with pytest.raises(OptionError, match="exact.*random numbers"):
            next(render(dub, models, pool=pool))
