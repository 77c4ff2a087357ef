"""Where the networks run and in which precision."""

from __future__ import annotations

import torch

from ..errors import DeviceError, OptionError

Device = str | torch.device | None
Dtype = str | torch.dtype | None

DTYPES = {
    "float16": torch.float16,
    "fp16": torch.float16,
    "bfloat16": torch.bfloat16,
    "bf16": torch.bfloat16,
    "float32": torch.float32,
    "fp32": torch.float32,
    "float64": torch.float64,
}

FP8 = ("fp8", "float8", torch.float8_e4m3fn)
"""Names of the dtype in which weights are stored; nothing is computed in it."""


def pick_device(device: Device) -> torch.device:
    """Return the device named, or the best one there is; raises DeviceError if it is unknown or absent."""
    if device is None:
        return torch.device(_pick_best())
    try:
        place = torch.device(device)
        torch.empty(0, device=place)
    except (
        RuntimeError,
        AssertionError,
        NotImplementedError,
    ) as exc:  # torch builds differ in what they raise
        raise DeviceError(
            f"The device {device!s} is unknown or absent ({str(exc).splitlines()[0]}). This machine has {_pick_best()}."
        ) from exc
    return place


def _pick_best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def pick_dtype(dtype: Dtype, device: torch.device) -> torch.dtype:
    """Return the precision to compute in: the one named, or float16 on CUDA and float32 elsewhere and for float8.

    Raises OptionError for another one, or one that the device does not have.
    """
    if dtype in FP8 and device.type == "mps":
        raise OptionError("MPS has no float8; use float16.")
    if dtype is None or dtype in FP8:
        return torch.float16 if device.type == "cuda" else torch.float32
    kind = DTYPES.get(dtype) if isinstance(dtype, str) else dtype
    if kind is None or kind not in DTYPES.values():
        raise OptionError(f"dtype takes {', '.join(DTYPES)}, fp8, got {dtype!s}.")
    if device.type == "cpu" and kind == torch.float16:
        raise OptionError(
            "float16 does not run well on the CPU; use float32 (or bfloat16), or another device."
        )
    return kind
