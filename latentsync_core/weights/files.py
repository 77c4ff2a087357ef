"""Weight files in, modules filled: nothing is executed, and nothing missing or left over goes unnoticed."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..data import counted
from ..errors import WeightsMismatchError, WeightsMissingError
from .identify import Shapes, identify

M = TypeVar("M", bound=nn.Module)

_WRAPPERS = ("state_dict", "model_state_dict", "model", "module")
"""Where LatentSync and Lightning, OpenAI, and VideoMAE keep the tensors in their .pt files."""
_UNREADABLE = (
    *(RuntimeError, EOFError, OSError, ValueError, LookupError, AttributeError, TypeError),
    *(AssertionError, struct.error),
)
"""What torch.load raises for a file that is cut off, depending on where."""
_SHOWN = 3


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a .safetensors file or a torch file: its tensors, and what else lies beside them.

    Tensors stay on the host, in the file's dtype and, where the format allows, in the file (memory-mapped).
    Raises WeightsMissingError, and WeightsMismatchError if the file is damaged or holds other than tensors.
    """
    if not path.is_file():
        raise WeightsMissingError(
            f"{path} does not exist; `python -m latentsync_core weights get 1.6` fetches 1.6."
        )
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    for key in _WRAPPERS:
        if isinstance(content.get(key), Mapping):
            return _only_tensors(content[key], path), {k: v for k, v in content.items() if k != key}
    return _only_tensors(content, path), {}


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as exc:
        raise WeightsMismatchError(f"{path} {_damage(path)} ({exc}). Download it again.") from exc


def _read_torch(path: Path) -> Mapping[str, Any]:
    is_zip = zipfile.is_zipfile(path)
    if not is_zip and _head(path)[:1] != b"\x80":
        raise WeightsMismatchError(f"{path} {_damage(path)}. Download it again.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError as exc:
        raise WeightsMismatchError(
            f"{path} holds something other than tensors, or is damaged; nothing in it was executed. "
            "Get the file from its publisher, as .safetensors where there is one."
        ) from exc
    except _UNREADABLE as exc:
        raise WeightsMismatchError(f"{path} {_damage(path)} ({exc}). Download it again.") from exc
    if not isinstance(content, Mapping):
        raise WeightsMismatchError(f"{path} takes a dict of tensors, got {type(content).__name__}.")
    return content


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def _damage(path: Path) -> str:
    """What is wrong with a file that no reader understands."""
    head, size = _head(path), path.stat().st_size
    if not head:
        return "is empty"
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the file itself"
    if head.lstrip().startswith(b"<"):
        return "is a web page, not a weight file"
    return f"is truncated, damaged or no weight file: {size} bytes that begin with {head[:12]!r}"


def _only_tensors(content: Mapping[Any, Any], path: Path) -> dict[str, Tensor]:
    for key, value in content.items():
        if not isinstance(value, Tensor):
            raise WeightsMismatchError(
                f"{path} takes tensors only, got {type(value).__name__} under {key!r}."
            )
    return {str(key): value for key, value in content.items()}


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of tensors."""
    return {key: tuple(value.shape) for key, value in tensors.items()}


def fill(module: M, tensors: Mapping[str, Tensor], path: Path, what: str) -> M:
    """Make `tensors` the parameters of a module built on the meta device, without a copy.

    Returns it in eval mode, without gradients. Raises WeightsMismatchError unless names and shapes agree
    exactly; `what` names the module in the message.
    """
    expected, got = shapes_of(module.state_dict()), shapes_of(tensors)
    if problems := _differences(expected, got):
        raise mismatch(path, what, "; ".join(problems), got)
    for key, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise mismatch(
                path, what, f"{key} is {tensor.dtype}, perhaps quantised, where floats are taken", got
            )
    module.load_state_dict(dict(tensors), strict=True, assign=True)
    return module.eval().requires_grad_(False)


def mismatch(path: Path, what: str, reason: str, got: Shapes) -> WeightsMismatchError:
    """The error for tensors that are not those of `what`."""
    return WeightsMismatchError(f"{path} is not {what}: {reason}. It looks like {identify(got)}.")


def _differences(expected: Shapes, got: Shapes) -> list[str]:
    """Say which names are missing or left over and which shapes differ; [] when all agree."""
    missing = [f"{key} {expected[key]}" for key in expected if key not in got]
    unexpected = [f"{key} {got[key]}" for key in got if key not in expected]
    misshaped = [
        f"{key} {got[key]}, expected {shape}"
        for key, shape in expected.items()
        if got.get(key, shape) != shape
    ]
    kinds = (("missing", missing), ("unexpected", unexpected), ("of another shape", misshaped))
    return [
        f"{counted(len(keys), 'tensor')} {kind} ({', '.join(keys[:_SHOWN])}"
        f"{', ...' if len(keys) > _SHOWN else ''})"
        for kind, keys in kinds
        if keys
    ]
