"""The memory of the device: what is sent there, and the same work in smaller pieces when it runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from ..errors import DeviceError, ran_out_of_memory

log = logging.getLogger(__name__)
T = TypeVar("T")


def send(values: Tensor, device: torch.device) -> Tensor:
    """Copy a tensor of the CPU to a device; to CUDA from pinned memory, which this process does not wait for."""
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


class Slicer:
    """Applies a function to a batch in slices, and halves the slices for good when memory runs out.

    The function must treat the rows of its batch independently.
    """

    def __init__(self, what: str, size: int) -> None:
        self.what, self.size = what, size

    def __call__(self, function: Callable[..., T], *batches: Tensor) -> list[T]:
        """Return one result per slice; `batches` have one first dimension. Raises DeviceError without memory."""
        while True:
            try:
                return [
                    function(*parts)
                    for parts in zip(*(batch.split(self.size) for batch in batches), strict=True)
                ]
            except (MemoryError, RuntimeError) as exc:
                if not ran_out_of_memory(exc):
                    raise
                tried = min(self.size, len(batches[0]))
                if tried == 1:
                    raise DeviceError(
                        f"The device ran out of memory in the {self.what}, already in its smallest slices. Use a "
                        "half-precision dtype, the 256 px checkpoint (1.5), or free memory held by other programs."
                    ) from exc
            # not in the handler, where the error still holds on to the tensors that filled the memory
            self._shrink(tried // 2)

    def _shrink(self, size: int) -> None:
        self.size = size
        log.warning("Out of memory in the %s: going on with slices of %d.", self.what, self.size)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if torch.backends.mps.is_available():
            torch.mps.empty_cache()
