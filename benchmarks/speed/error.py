"""How far cheaper sampling is from 50 steps of DDIM: `nano` on held-out drawn people, and how long it takes there.

The same windows, noise and crops for all, so that nothing but the sampling differs. Openings of the mouth are read by
the face mesh, which has never seen a drawn face.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from latentsync_core import Options, load_models
from latentsync_core.compositing import match_colors
from latentsync_core.diffusion import Denoiser, WindowInput
from latentsync_core.faces import FaceFinder, crop_face, keep_mask
from latentsync_core.faces.detect import Roi
from latentsync_core.media import to_speech_16k
from latentsync_core.metrics.image import psnr
from latentsync_core.speech import encode, tokens_at
from latentsync_lab.training.cases import make_case
from latentsync_lab.training.evaluate import RESOLUTION, true_matrices
from latentsync_lab.training.vae import to_pixels
from latentsync_lab.truth import correlation, gain

from .machine import spend
from .work import FPS, FRAMES

REFERENCE = Options(steps=50, sampler="ddim", reuse=1)
PEOPLE, FIRST, WINDOWS = (0, 1, 2), 10, 2
"""Cases of nano's test set, their first frame, and how many windows."""
ENLARGED = 256
"""Side to which crops are enlarged for the mesh, in pixels."""


@dataclass(frozen=True, eq=False)
class Scene:
    """What a person's windows are made from, and what they should be."""

    crops: np.ndarray
    """(F, R, R, 3) float32 in 0..255"""
    numbers: np.ndarray
    """(F,), which frames they are"""
    tokens: np.ndarray
    true: Tensor
    """(F, 3, R, R) in -1..1"""
    opening: np.ndarray
    """The true one, (F,)"""
    mesh: np.ndarray
    """The same as the mesh reads it."""


@dataclass(frozen=True, eq=False)
class Sampled:
    """What a way of sampling makes of a scene."""

    pixels: Tensor
    mesh: np.ndarray


class Judge:
    """Samples the scenes and compares."""

    def __init__(self) -> None:
        self.models, self.finder = load_models("nano", device="cpu"), FaceFinder("cpu")
        self.keep = keep_mask(RESOLUTION)
        self.painted = torch.from_numpy(1 - self.keep)
        self.scenes = [self.make_scene(number) for number in PEOPLE]

    def make_scene(self, number: int) -> Scene:
        case, last = make_case(number), FIRST + WINDOWS * FRAMES
        shown = np.arange(FIRST, last)
        source, truth = (list(clip.read(shown.tolist())) for clip in (case.source, case.truth))
        matrices = true_matrices(case.source)[FIRST:last]
        crops = np.stack([crop_face(f, m, RESOLUTION) for f, m in zip(source, matrices, strict=True)])
        true = np.stack([crop_face(f, m, RESOLUTION) for f, m in zip(truth, matrices, strict=True)])
        speech = encode(self.models.whisper, to_speech_16k(case.speech))
        return Scene(
            crops.astype(np.float32),
            shown,
            tokens_at(speech, case.source.times[shown]),
            round_to_pixels(true),
            case.truth.truth[0].mouth.openness[shown],
            self.read_openings(true),
        )

    def read_openings(self, crops: np.ndarray) -> np.ndarray:
        """Return how far the mouth of each crop is open, as the mesh reads it."""
        large = [cv2.resize(crop, (ENLARGED, ENLARGED), interpolation=cv2.INTER_CUBIC) for crop in crops]
        images = [np.rint(image.clip(0, 255)).astype(np.uint8) for image in large]
        middle = Roi(ENLARGED / 2, ENLARGED / 2, 1.3 * ENLARGED, 0.0)  # the face fills the crop
        faces = self.finder.measure(images, [middle] * len(images))
        return np.array([np.nan if face is None else face.opening for face in faces])

    def sample(self, options: Options) -> list[Sampled]:
        """Denoise the windows of all scenes."""
        return [self._sample_scene(scene, options) for scene in self.scenes]

    def _sample_scene(self, scene: Scene, options: Options) -> Sampled:
        denoiser = Denoiser(self.models, self.keep, options)
        made = np.concatenate([self._paint(denoiser, scene, k * FRAMES) for k in range(WINDOWS)])
        return Sampled(round_to_pixels(made), self.read_openings(made))

    def _paint(self, denoiser: Denoiser, scene: Scene, first: int) -> np.ndarray:
        window = slice(first, first + FRAMES)
        latents = denoiser.denoise(
            WindowInput(scene.crops[window], scene.tokens[window], scene.numbers[window])
        )
        return match_colors(denoiser.decode(latents), scene.crops[window], self.keep)

    def time_second(self, options: Options) -> float:
        """Measure the CPU seconds that the networks of `nano` take for a second of a long clip of 25 fps."""
        denoiser, new = Denoiser(self.models, self.keep, options), FRAMES - options.overlap
        self._paint(denoiser, self.scenes[0], 0)  # encodes the frames that the next one shares with it
        return spend(lambda: self._paint(denoiser, self.scenes[0], new)).cpu * FPS / new

    def compare(self, made: list[Sampled], reference: list[Sampled]) -> dict[str, float]:
        """Return the errors against the reference and the truth: of all people the worst, and means."""
        rows = [
            {
                "psnr": psnr(ours.pixels, best.pixels, self.painted),
                "r": correlation(ours.mesh, best.mesh),
                "truth psnr": psnr(ours.pixels, scene.true, self.painted),
                "truth r": correlation(ours.mesh, scene.opening),
                "gain": gain(ours.mesh, scene.mesh),
            }
            for ours, best, scene in zip(made, reference, self.scenes, strict=True)
        ]
        worst = {f"least {name}": min(row[name] for row in rows) for name in ("psnr", "r")}
        means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        return {name: round(value, 3) for name, value in (means | worst).items()}


def round_to_pixels(crops: np.ndarray) -> Tensor:
    return to_pixels(np.rint(crops.clip(0, 255)).astype(np.uint8))
