"""Read a checkpoint's scheduler_config.json: types, ranges, and whether a scheduler can be made of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler

from ..errors import WeightsMismatchError
from .catalogue import SCHEDULER_CONFIG
from .manifest import read_json

_MAX_TIMESTEPS = 100_000
_PREDICTIONS = ("epsilon", "sample", "v_prediction")


def read_scheduler(path: Path) -> dict[str, Any]:
    """Read the config of a `DDIMScheduler`; raises WeightsMismatchError where none can be made of it."""
    content = read_json(path)
    for key, published in SCHEDULER_CONFIG.items():
        if not _is_of_kind(content.get(key, published), published):
            raise WeightsMismatchError(
                f"{path}: {key} takes a value such as {published!r}, got {content[key]!r}. Restore or delete it."
            )
    steps = content.get("num_train_timesteps", 1)
    if not 1 <= steps <= _MAX_TIMESTEPS or content.get("prediction_type", "epsilon") not in _PREDICTIONS:
        raise WeightsMismatchError(
            f"{path} takes num_train_timesteps 1..{_MAX_TIMESTEPS} and prediction_type {', '.join(_PREDICTIONS)}, "
            f"got {steps} and {content.get('prediction_type')!r}. Restore or delete it."
        )
    _try_step(content, path)
    return content


def _is_of_kind(value: Any, published: Any) -> bool:
    """Whether a value is of the kind of the published one: None stands for a list of numbers."""
    if published is None:
        return value is None or (isinstance(value, list) and all(map(_is_number, value)))
    if isinstance(published, float):
        return _is_number(value)
    return type(value) is type(published)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _try_step(content: dict[str, Any], path: Path) -> None:
    """Make a scheduler and take a step with it; WeightsMismatchError where that fails or gives no numbers."""
    nothing = torch.zeros(1, 1, 1, 1, 1)
    try:
        scheduler = DDIMScheduler.from_config(content)
        scheduler.set_timesteps(1)
        stepped = scheduler.step(nothing, scheduler.timesteps[0], nothing).prev_sample
    except (TypeError, ValueError, NotImplementedError, LookupError, RuntimeError, ArithmeticError) as exc:
        raise WeightsMismatchError(f"{path} cannot be used: {exc}. Restore or delete it.") from exc
    betas: torch.Tensor = scheduler.betas
    if not bool(((betas > 0) & (betas <= 1)).all() & stepped.isfinite().all()):
        raise WeightsMismatchError(
            f"{path} gives betas outside of 0..1, or no numbers. Restore or delete it."
        )
    if len(betas) != scheduler.config.num_train_timesteps:
        raise WeightsMismatchError(
            f"{path} gives {len(betas)} betas for {scheduler.config.num_train_timesteps} num_train_timesteps. "
            "Restore or delete it."
        )
