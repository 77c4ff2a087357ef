"""Run the small convolutional networks that ship in assets/faces."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from ..errors import WeightsMismatchError, WeightsMissingError

Step = dict[str, Any]


class Graph(nn.Module):
    """A network as a list of steps on numbered slots; scripts/convert_face_models.py describes the file."""

    def __init__(self, path: Path) -> None:
        """Load `path`; raises WeightsMissingError or, for a damaged file, WeightsMismatchError."""
        super().__init__()
        graph, weights = _load(path)
        self.size: int = graph["size"]
        self.steps: list[Step] = graph["steps"]
        self.outputs: list[int] = graph["outputs"]
        for name, weight in weights.items():
            layout = torch.channels_last if weight.ndim == 4 else torch.contiguous_format
            # In this layout the CPU is twice as fast.
            self.register_buffer(name.replace(".", "_"), weight.float().contiguous(memory_format=layout))

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.buffers()).device

    @torch.inference_mode()
    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Run on images (B, 3, size, size), float32, best channels-last; return (B, values) or (B, rows, values)."""
        slots = {0: images}
        for number, step in enumerate(self.steps):
            weights = [getattr(self, f"{number}_{kind}") for kind in _WEIGHTS.get(step["op"], ())]
            slots[step["output"]] = _OPS[step["op"]](step, *(slots[i] for i in step["inputs"]), *weights)
        return tuple(slots[i] if slots[i].ndim == 3 else slots[i].flatten(1) for i in self.outputs)


def _load(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        raise WeightsMissingError(
            f"{path} is missing, although it is part of this library; install the library again."
        )
    try:
        with safe_open(path, framework="pt") as file:
            return json.loads(file.metadata()["graph"]), {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as exc:
        raise WeightsMismatchError(f"{path} is damaged ({exc}); install the library again.") from exc


def _conv(step: Step, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    left, right, top, bottom = step["pad"]
    if (left, top) == (right, bottom):
        return F.conv2d(x, weight, bias, step["stride"], (top, left), 1, step["groups"])
    return F.conv2d(F.pad(x, step["pad"]), weight, bias, step["stride"], 0, 1, step["groups"])


def _resize(step: Step, x: Tensor) -> Tensor:
    return F.interpolate(x, step["size"], mode="bilinear", align_corners=False)


def _rows(step: Step, x: Tensor) -> Tensor:
    return x.permute(0, 2, 3, 1).reshape(len(x), -1, step["width"])  # (B, C, H, W) -> (B, rows, width)


_OPS: dict[str, Callable[..., Tensor]] = {
    "conv": _conv,
    "add": lambda _, a, b: a + b,
    "relu": lambda _, x: F.relu(x),
    "prelu": lambda _, x, weight: F.prelu(x, weight),
    "pad": lambda step, x: F.pad(x, step["pad"]),
    "maxpool": lambda step, x: F.max_pool2d(x, step["kernel"], step["stride"]),
    "resize": _resize,
    "rows": _rows,
}
_WEIGHTS = {"conv": ("weight", "bias"), "prelu": ("weight",)}
