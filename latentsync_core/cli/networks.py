"""The networks that a command's arguments name, and the workers that make windows with them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..models.bundle import LipSyncModels
from ..pool import ModelSource, WindowPool, open_pool
from ..weights import RELEASES, best_checkpoint, load_models
from ..weights.locate import NANO
from .inputs import workers_of


@contextmanager
def open_networks(args: argparse.Namespace) -> Iterator[tuple[LipSyncModels, WindowPool | None]]:
    """Load the networks; where workers are named, start them and leave the UNet to them.

    Raises what `load_models` and `open_pool` raise.
    """
    model, workers = args.model or best_checkpoint(args.models_folder), workers_of(args)
    if not workers:
        yield load_models(model, args.resolution, args.device, args.dtype, args.models_folder), None
        return
    device = args.device or next(iter(workers.devices), None)
    models = load_models(model, args.resolution, device, None, args.models_folder, with_unet=False)
    with open_pool(workers, _describe_source(model, args).load) as pool:
        yield models, pool


def _describe_source(model: str, args: argparse.Namespace) -> ModelSource:
    """Say what workers load."""
    return ModelSource(name_elsewhere(model), args.resolution, args.dtype, folders_elsewhere(args))


def name_elsewhere(model: str) -> str:
    """Name a checkpoint so that a worker finds it, whatever folder it runs in."""
    return model if model in (NANO, *RELEASES) else str(Path(model).resolve())


def folders_elsewhere(args: argparse.Namespace) -> tuple[str, ...]:
    """Name the folders of `--models-folder` likewise."""
    return tuple(str(folder.resolve()) for folder in args.models_folder)
