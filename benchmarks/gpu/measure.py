"""What presets, batches, compiled steps and whole runs take, with random weights of the published sizes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from benchmarks.speed.work import FPS, FRAMES
from latentsync_core import PRESETS, FaceTrack, Options, TensorClip, Waveform, lip_sync
from latentsync_core.diffusion import Denoiser, settle_batch
from latentsync_core.errors import DeviceError
from latentsync_core.faces import keep_mask
from latentsync_core.models.bundle import LipSyncModels
from latentsync_core.models.compiled import CompiledUNet
from latentsync_lab.synthetic import talking_clip

from .networks import make_models, make_step, make_windows, with_batch
from .session import Session

Row = dict[str, object]
BATCHES = (1, 2, 4, 8)
SECONDS = 4
"""Of video, in a whole run."""


def measure_presets(session: Session, models: LipSyncModels) -> Iterator[Row]:
    """Yield what each preset takes for a second of video, window by window; the networks alone."""
    for name, options in PRESETS.items():
        if not session.has_time(f"{name} at {models.resolution} px", 5):
            return
        make = open_windows(models, options)
        seconds = session.time_median(make)
        yield {
            "resolution": models.resolution,
            "preset": name,
            "seconds a second": seconds * FPS / (FRAMES - options.overlap),
            "busy": session.measure_busy(make),
            "peak GiB": session.measure_peak(make),
        }


def open_windows(models: LipSyncModels, options: Options) -> Callable[[], None]:
    """Return a function that makes the next windows of a clip, as many as the models take at once."""
    denoiser = Denoiser(models, keep_mask(models.resolution), options, sample_latents=options.exact)
    count, first = models.batch or 1, 0

    def make() -> None:
        nonlocal first
        latents = denoiser.denoise(*make_windows(models, count, options.overlap, first))
        for own in latents.split(1):
            denoiser.decode(own)
        first += count

    return make


def measure_batches(session: Session, models: LipSyncModels) -> Iterator[Row]:
    """Yield what a window takes of several at once, and what `auto` chooses."""
    alone = None
    for batch in BATCHES[: 2 if session.tiny else None]:
        if not session.has_time(f"{batch} windows at once", 10):
            return
        make = open_windows(with_batch(models, batch), PRESETS["balanced"])
        try:
            seconds = session.time_median(make) / batch
            peak = session.measure_peak(make)
        except DeviceError as exc:
            yield {"at once": batch, "error": str(exc)}
            return
        alone = alone or seconds
        yield {"at once": batch, "seconds a window": seconds, "of one": seconds / alone, "peak GiB": peak}
    yield {"at once": f"auto takes {settle_batch(with_batch(models, None), 50).batch}"}


@torch.inference_mode()
def measure_compiled(session: Session, models: LipSyncModels) -> Iterator[Row]:
    """Yield what a whole guided step takes plain and compiled, and what compiling takes."""
    given = make_step(models, 2)
    plain = session.time_median(lambda: models.unet.predict(*given))
    yield {"step": "plain", "seconds": plain, "of plain": 1.0}
    if not session.has_time("compiled step", 0 if session.tiny else 150):
        return
    compiled = CompiledUNet(models.unet, "eager" if session.tiny else "inductor")
    first = session.time_once(lambda: compiled.predict(*given))
    seconds = session.time_median(lambda: compiled.predict(*given))
    yield {"step": "compiled", "seconds": seconds, "of plain": seconds / plain, "first call, s": first}


@torch.inference_mode()
def measure_upstream(session: Session, checkout: Path) -> Iterator[Row]:
    """Yield what a whole guided step takes in upstream's network and ours, of the same random weights."""
    from benchmarks.speed.step import make_networks  # for Linux

    ours, theirs = (
        network.to(session.device, session.dtype) for network in make_networks(checkout) if network
    )
    models = make_models(session, 256)
    sample, time, tokens = make_step(models, 2)
    expected = theirs(sample, time, encoder_hidden_states=tokens).sample
    made = ours.predict(sample, time, tokens)
    base = session.time_median(lambda: theirs(sample, time, encoder_hidden_states=tokens))
    yield {"step": "upstream", "seconds": base, "of upstream": 1.0}
    seconds = session.time_median(lambda: ours.predict(sample, time, tokens))
    difference = float((made - expected).abs().mean() / expected.std())
    yield {"step": "ours", "seconds": seconds, "of upstream": seconds / base, "difference": difference}


def measure_run(session: Session, models: LipSyncModels) -> Iterator[Row]:
    """Yield what a whole run takes for a second of 720p video: crops, speech, networks, pasting; nothing is written."""
    seconds = 1 if session.tiny else SECONDS
    size = (96, 96) if session.tiny else (1280, 720)
    speech = Waveform(
        np.random.default_rng(0).normal(0, 0.05, (1, 16000 * seconds)).astype(np.float32), 16000
    )
    drawn = talking_clip(2000, speech, size=size)
    clip = TensorClip(np.stack([np.asarray(frame) for frame in drawn.read(range(FPS * seconds))]), FPS)
    track = FaceTrack.from_points(drawn.truth[0].points)

    def run() -> None:
        for _ in lip_sync(clip, speech, settle_batch(with_batch(models, None), 50), PRESETS["draft"], track):
            pass

    yield {
        "preset": "draft",
        "resolution": models.resolution,
        "seconds a second": session.time_once(run) / seconds,
    }
