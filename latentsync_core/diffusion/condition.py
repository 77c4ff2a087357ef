"""What the denoiser is told of a window besides the speech: the mask, and the frames without and with their mouths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..data import IntArray
from .latents import LatentCodec, mask_latent, to_pixels
from .memory import send


class ConditionEncoder:
    """Encodes the frames of windows, each frame once, although neighbouring windows share some.

    keep: mask (R, R), 1 = keep the source. size: height and width of latents. sampled_by: draw from the VAE's
    distribution, as upstream does, and so anew in every window.
    """

    def __init__(
        self, codec: LatentCodec, keep: Tensor, size: tuple[int, int], sampled_by: torch.Generator | None
    ) -> None:
        self._codec, self._keep, self._sampled_by = codec, keep, sampled_by
        self._mask = mask_latent(keep, size)
        self._known: dict[int, Tensor] = {}

    def encode(self, crops: npt.NDArray[np.float32], numbers: IntArray | None = None) -> Tensor:
        """Stack mask, latents of the masked frames, latents of the same frames whole: (1, 1 + 2C, F, h, w).

        crops: (F, R, R, 3) in 0..255. numbers: (F,), which frames they are: those of one number have one crop, in
        later windows too. None: all of them are new.
        """
        if self._sampled_by is not None:
            latents = self._draw(crops)
        elif numbers is None:
            latents = torch.stack([self._encode_frame(crop) for crop in crops], 1)[None]
        else:
            latents = torch.stack(self._recall(crops, numbers.tolist()), 1)[None]
        return torch.cat([self._mask.expand(-1, -1, len(crops), -1, -1), latents], 1)

    def _draw(self, crops: npt.NDArray[np.float32]) -> Tensor:
        pixels = send(to_pixels(crops), self._keep.device)
        masked = self._codec.encode(pixels * self._keep, self._sampled_by)
        return torch.cat([masked, self._codec.encode(pixels, self._sampled_by)], 1)

    def _recall(self, crops: npt.NDArray[np.float32], numbers: list[int]) -> list[Tensor]:
        known = self._known
        self._known = {}
        for number, crop in zip(numbers, crops, strict=True):
            if number not in self._known:
                self._known[number] = known[number] if number in known else self._encode_frame(crop)
        return [self._known[number] for number in numbers]

    def _encode_frame(self, crop: npt.NDArray[np.float32]) -> Tensor:
        """Encode a frame without and with its mouth, (2C, h, w); always two at once, so that its bits are the same."""
        pixels = send(to_pixels(crop[None]), self._keep.device)
        latents = self._codec.encode(torch.cat([pixels * self._keep, pixels]))
        return latents[0].transpose(0, 1).flatten(0, 1)
