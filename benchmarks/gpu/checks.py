"""Whether the device computes what the CPU does, in every dtype and way; with `nano`, whose weights are trained.

Differences are mean absolute ones in grey levels of the decoded mouths, against the CPU in float32.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import torch

from latentsync_core import Options, Waveform, load_models
from latentsync_core.diffusion import Denoiser, WindowInput
from latentsync_core.diffusion.batch import measure_row
from latentsync_core.faces import keep_mask
from latentsync_core.models.bundle import LipSyncModels
from latentsync_core.models.compiled import CompiledUNet
from latentsync_core.models.walk import UNetWalk
from latentsync_lab.synthetic import talking_clip

from .networks import make_models, make_step
from .session import Session

OPTIONS = Options(steps=4, reuse=2, guided=0.5)
ACCEPTED = {"fp32": 0.05, "fp16": 0.2, "bf16": 1.0}
"""Grey levels; on a CPU the plain network gave 0.00001, 0.023 and 0.24."""
AT_ONCE = 4

Row = dict[str, object]


def run_checks(session: Session) -> Iterator[Row]:
    """Yield a row for every check: its name, what it got, what is accepted, and whether it passed."""
    windows = make_faces()
    expected = make_mouths(load_models("nano", device="cpu", dtype="fp32"), windows)
    kinds = ["fp32", "bf16"] if session.device.type == "cpu" else list(ACCEPTED)
    for kind in kinds:
        models = load_models("nano", device=session.device, dtype=kind)
        with without_tf32():
            yield compare(f"{kind}, one by one", make_mouths(models, windows), expected, kind)
            together = make_mouths(replace(models, batch=AT_ONCE), windows)
            yield compare(f"{kind}, {AT_ONCE} at once", together, expected, kind)
    models = load_models("nano", device=session.device, dtype=kinds[0], batch=AT_ONCE)
    with without_tf32(), short_memory(session, models):
        denoiser = Denoiser(models, keep_mask(models.resolution), OPTIONS)
        made = decode_all(denoiser, denoiser.denoise(*windows))
    row = compare("short memory", made, expected, kinds[0])
    yield row | {"passed": row["passed"] and denoiser._rows.size <= 3}
    if session.has_time("check of compiled steps", 0 if session.tiny else 120):
        yield check_compiled(session)


def make_faces() -> list[WindowInput]:
    """Make windows of a drawn person."""
    silence = Waveform(np.zeros((1, 16000), np.float32), 16000)
    clip = talking_clip(2000, silence, size=(128, 128))
    crops = np.stack([np.asarray(frame) for frame in clip.read(range(8))]).astype(np.float32)
    tokens = np.random.default_rng(1).standard_normal((AT_ONCE, 2, 50, 64)).astype(np.float32)
    return [WindowInput(crops[2 * k : 2 * k + 2], tokens[k]) for k in range(AT_ONCE)]


def make_mouths(models: LipSyncModels, windows: list[WindowInput]) -> np.ndarray:
    """Denoise as many windows at once as the models say."""
    denoiser, size = Denoiser(models, keep_mask(models.resolution), OPTIONS), models.batch or 1
    parts = [windows[k : k + size] for k in range(0, len(windows), size)]
    return np.concatenate([decode_all(denoiser, denoiser.denoise(*part)) for part in parts])


def decode_all(denoiser: Denoiser, latents: torch.Tensor) -> np.ndarray:
    return np.stack([denoiser.decode(own) for own in latents.split(1)])


def compare(name: str, made: np.ndarray, expected: np.ndarray, kind: str) -> Row:
    got = float(np.abs(made - expected).mean())
    return {"check": name, "got": got, "accepted": ACCEPTED[kind], "passed": got <= ACCEPTED[kind]}


@contextmanager
def without_tf32() -> Iterator[None]:
    """Let convolutions in float32 compute in float32, which on CUDA they else do not."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


@contextmanager
def short_memory(session: Session, models: LipSyncModels) -> Iterator[None]:
    """Leave memory for three rows of the UNet; on a CPU let it say that it has none for more."""
    if session.device.type != "cuda":
        with patch.object(UNetWalk, "predict_deep", _fail_beyond(3, UNetWalk.predict_deep)):
            yield
        return
    row = measure_row(models)
    torch.cuda.empty_cache()
    most = torch.cuda.memory_reserved(session.device) + 3 * row
    total = torch.cuda.get_device_properties(session.device).total_memory
    torch.cuda.set_per_process_memory_fraction(most / total, session.device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, session.device)


def _fail_beyond(most: int, function: Callable[..., object]) -> Callable[..., object]:
    def tight(self: object, sample: torch.Tensor, *given: object) -> object:
        if len(sample) > most:
            raise torch.OutOfMemoryError("simulated")
        return function(self, sample, *given)

    return tight


@torch.inference_mode()
def check_compiled(session: Session) -> Row:
    """Compare a compiled step of `nano` in float32 with the plain one; with --tiny of a smaller network."""
    models = (
        make_models(session, 256)
        if session.tiny
        else load_models("nano", device=session.device, dtype="fp32")
    )
    given = make_step(models, 2)
    compiled = CompiledUNet(models.unet, "eager" if session.tiny else "inductor", fullgraph=True)
    with without_tf32():
        expected = models.unet.predict(*given)
        got = float((compiled.predict(*given) - expected).abs().mean() / expected.std())
    return {"check": "compiled step, of its deviation", "got": got, "accepted": 1e-4, "passed": got <= 1e-4}
