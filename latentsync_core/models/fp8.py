"""Weights stored as float8 and computed in the precision of their input: half the memory of fp16.

The bytes of float8_e4m3fn (one sign, four exponent, three mantissa bits) are held as integers, so that
`module.to(device, dtype)` moves them and leaves them as they are.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STORAGE = torch.float8_e4m3fn

_SMALLEST_SCALE = 2.0**-24
"""The smallest number that float16 holds."""


class Fp8Linear(nn.Linear):
    """A linear layer over float8 weights."""

    scale: Tensor

    def forward(self, input: Tensor) -> Tensor:
        return F.linear(input, _unpack(self.weight, self.scale, input.dtype), self.bias)


class Fp8Conv2d(nn.Conv2d):
    """A convolution over float8 weights."""

    scale: Tensor

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, _unpack(self.weight, self.scale, input.dtype), self.bias)


_KINDS: dict[type[nn.Module], type[nn.Module]] = {nn.Linear: Fp8Linear, nn.Conv2d: Fp8Conv2d}


def store_as_fp8(network: nn.Module) -> None:
    """Round the weights of all linear layers and convolutions to float8, in place; for inference only.

    Every output channel has a scale of its own, a power of two that puts its greatest weight near the top of
    float8's range, so that small weights keep their three bits. Biases and norms stay as they are.
    """
    for module in network.modules():
        if type(module) in _KINDS:
            _pack(module)
            module.__class__ = _KINDS[type(module)]


def is_fp8(network: nn.Module) -> bool:
    """Tell whether `store_as_fp8` was applied."""
    return any(isinstance(module, tuple(_KINDS.values())) for module in network.modules())


def _pack(module: nn.Module) -> None:
    # Scales are powers of two, so that multiplying by them adds no rounding of its own in any precision.
    weight = module.get_parameter("weight").detach()
    greatest = weight.float().flatten(1).abs().amax(1).reshape(-1, *[1] * (weight.ndim - 1))
    scale = torch.exp2(torch.ceil(torch.log2(greatest / torch.finfo(STORAGE).max))).clamp(_SMALLEST_SCALE)
    packed = (weight / scale).to(STORAGE).view(torch.uint8)
    module.weight = nn.Parameter(packed, requires_grad=False)
    module.register_buffer("scale", scale.to(weight.dtype))


def _unpack(packed: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    return packed.view(STORAGE).to(dtype) * scale
