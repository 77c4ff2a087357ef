"""The denoiser compiled by `torch.compile`, for fixed shapes; opt-in, as the first window then takes minutes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..errors import DeviceError, ran_out_of_memory
from .unet import LatentSyncUNet

log = logging.getLogger(__name__)


class CompiledUNet:
    """Predicts noise as a `LatentSyncUNet` does, whose modules and weights it uses.

    A graph is made for whole steps and one for those with `reuse`, for each number of rows: of a run four at most, with
    guidance in a part of the steps; more where memory runs out, or a window is shorter. Beyond torch's limit, 8 of each
    kind in a process, further ones run uncompiled. Torch keeps compiled code on disk, by TORCHINDUCTOR_CACHE_DIR.
    """

    def __init__(
        self, unet: LatentSyncUNet, backend: str | Callable[..., Any] = "inductor", fullgraph: bool = False
    ):
        """backend, fullgraph: of `torch.compile`."""
        compiled = partial(torch.compile, backend=backend, fullgraph=fullgraph, dynamic=False)
        self._whole, self._shallow = compiled(unet.predict_deep), compiled(unet.predict_shallow)
        self._known: set[tuple[bool, torch.Size]] = set()

    def predict(self, sample: Tensor, timestep: Tensor, tokens: Tensor) -> Tensor:
        """Predict the noise; arguments of this and the others as of `LatentSyncUNet`."""
        return self.predict_deep(sample, timestep, tokens)[0]

    def predict_deep(self, sample: Tensor, timestep: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Predict the noise and return it with the input of `predict_shallow`; raises DeviceError, see `predict`."""
        noise, deep = self._run(self._whole, sample, timestep, tokens)
        return noise, deep

    def predict_shallow(self, sample: Tensor, timestep: Tensor, tokens: Tensor, deep: Tensor) -> Tensor:
        """Predict the noise with the last block only."""
        noise: Tensor = self._run(self._shallow, sample, timestep, tokens, deep)
        return noise

    def _run(self, step: Callable[..., Any], sample: Tensor, *given: Tensor) -> Any:
        kind = step is self._whole, sample.shape
        begun = time.monotonic()
        try:
            made = step(sample.contiguous(), *given)  # an expanded sample would be one more shape
        except torch._dynamo.exc.TorchDynamoException as exc:
            if ran_out_of_memory(exc):
                raise
            reason = " ".join(str(exc).strip().splitlines()[:2])
            raise DeviceError(
                f"The UNet cannot be compiled on this machine ({reason}); go on without compile."
            ) from exc
        if kind not in self._known:
            self._known.add(kind)
            seconds = time.monotonic() - begun
            log.info("The first step of %d rows, which are compiled, took %.0f s.", len(sample), seconds)
        return made
