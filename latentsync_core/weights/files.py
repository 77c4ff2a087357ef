"""Read weight files and fill modules: no code in a file is run, and no tensor may be missing or left over."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ..data import pluralize
from ..errors import InputError, WeightsMismatchError, WeightsMissingError
from .identify import Shapes, identify
from .vetting import check_torch_file, make_no_tensors_error

M = TypeVar("M", bound=nn.Module)

_WRAPPERS = ("state_dict", "model_state_dict", "model", "module")
"""Where LatentSync and Lightning, OpenAI, and VideoMAE keep the tensors in their .pt files."""
# What readers raise for a file that is cut off or whose header lies, depending on where.
_UNREADABLE = (
    *(RuntimeError, EOFError, OSError, ValueError, LookupError, AttributeError, TypeError),
    *(AssertionError, struct.error, MemoryError, zipfile.BadZipFile, NotImplementedError),
)

_FLOATS = (
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
)

_MAX_REPEATS = 2
"""Largest size of all tensors over that of their file: layers may share weights, but not a hundred times."""
_MAX_LISTED = 3


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read a .safetensors file or a torch file: its tensors, and what else the file holds.

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
            return _check_plain_tensors(content[key], path), {k: v for k, v in content.items() if k != key}
    return _check_plain_tensors(content, path), {}


def _read_safetensors(path: Path) -> dict[str, Any]:
    try:
        return dict(load_file(path))
    except (SafetensorError, *_UNREADABLE) as exc:
        raise WeightsMismatchError(f"{path} {_describe_damage(path)} ({exc}). Download it again.") from exc


def _read_torch(path: Path) -> Mapping[str, Any]:
    is_zip = zipfile.is_zipfile(path)
    if not is_zip and _read_head(path)[:1] != b"\x80":
        raise WeightsMismatchError(f"{path} {_describe_damage(path)}. Download it again.")
    try:
        check_torch_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except pickle.UnpicklingError as exc:
        raise make_no_tensors_error(path) from exc
    except _UNREADABLE as exc:
        raise WeightsMismatchError(f"{path} {_describe_damage(path)} ({exc}). Download it again.") from exc
    if not isinstance(content, Mapping):
        raise WeightsMismatchError(f"{path} takes a dict of tensors, got {type(content).__name__}.")
    return content


def _read_head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(64)


def _describe_damage(path: Path) -> str:
    """Say what is wrong with a file that no reader understands."""
    head, size = _read_head(path), path.stat().st_size
    if not head:
        return "is empty"
    if head.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer, not the file itself"
    if head.lstrip().startswith(b"<"):
        return "is a web page, not a weight file"
    return f"is truncated, damaged or no weight file: {size} bytes that begin with {head[:12]!r}"


def _check_plain_tensors(content: Mapping[Any, Any], path: Path) -> dict[str, Tensor]:
    """Return the tensors by name; WeightsMismatchError where they are more than the bytes of the file."""
    # Strides of 0 and shared storages show a small file as terabytes, which a change of dtype would then allocate.
    shown = 0
    for key, value in content.items():
        if not isinstance(value, Tensor):
            raise WeightsMismatchError(
                f"{path} takes tensors only, got {type(value).__name__} under {key!r}."
            )
        if problem := _describe_oddity(value):
            raise WeightsMismatchError(
                f"{path} takes plain tensors, and {key!r} {problem}. Download it again."
            )
        shown += value.nbytes
    if shown > _MAX_REPEATS * path.stat().st_size:
        raise WeightsMismatchError(
            f"{path} shows its {path.stat().st_size} bytes as tensors of {shown}; get it from its publisher."
        )
    return {str(key): value for key, value in content.items()}


def _describe_oddity(tensor: Tensor) -> str:
    """Say what a tensor has that no weight has; "" if nothing."""
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta:
        return "is sparse, quantised or without content"
    if tensor.numel() == 0:
        return f"is empty, of shape {tuple(tensor.shape)}"
    if tensor.nbytes > tensor.untyped_storage().nbytes():
        return f"repeats {tensor.untyped_storage().nbytes()} bytes as a tensor of {tensor.nbytes}"
    return ""


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor by its name."""
    return {key: tuple(value.shape) for key, value in tensors.items()}


def fill(module: M, tensors: Mapping[str, Tensor], path: Path, what: str) -> M:
    """Make `tensors` the parameters of a module built on the meta device, without a copy.

    Returns it in eval mode, without gradients. Raises WeightsMismatchError unless names and shapes agree
    exactly; `what` names the module in the message.
    """
    expected, got = shapes_of(module.state_dict()), shapes_of(tensors)
    if problems := _find_differences(expected, got):
        raise make_mismatch_error(path, what, "; ".join(problems), got)
    _check_floats(tensors, path, what)
    module.load_state_dict(dict(tensors), strict=True, assign=True)
    return module.eval().requires_grad_(False)


def _check_floats(tensors: Mapping[str, Tensor], path: Path, what: str) -> None:
    for key, tensor in tensors.items():
        if tensor.dtype not in _FLOATS:
            reason = f"{key} is {tensor.dtype}, perhaps quantised, where floats are taken"
            raise make_mismatch_error(path, what, reason, shapes_of(tensors))


def to_float32(tensors: Mapping[str, Tensor], path: Path, what: str) -> dict[str, Tensor]:
    """Convert tensors to float32; raises WeightsMismatchError as `fill` for those that are no floats."""
    _check_floats(tensors, path, what)
    return {key: value.float() for key, value in tensors.items()}


def build(make: Callable[[], M], path: Path, what: str, got: Shapes) -> M:
    """Make a network on the meta device; raises WeightsMismatchError where its sizes make none."""
    try:
        with torch.device("meta"):
            return make()
    except (TypeError, ValueError, LookupError, RuntimeError, ArithmeticError, InputError) as exc:
        raise make_mismatch_error(path, what, f"its sizes make no network ({exc})", got) from exc


def make_mismatch_error(path: Path, what: str, reason: str, got: Shapes) -> WeightsMismatchError:
    """Make the error for tensors that are not those of `what`."""
    return WeightsMismatchError(f"{path} is not {what}: {reason}. It looks like {identify(got)}.")


def _find_differences(expected: Shapes, got: Shapes) -> list[str]:
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
        f"{pluralize(len(keys), 'tensor')} {kind} ({', '.join(keys[:_MAX_LISTED])}"
        f"{', ...' if len(keys) > _MAX_LISTED else ''})"
        for kind, keys in kinds
        if keys
    ]
