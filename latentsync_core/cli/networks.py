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
    with open_pool(workers, _describe_source(model, args)) as pool:
        yield models, pool


def _describe_source(model: str, args: argparse.Namespace) -> ModelSource:
    """Say what workers load; folders by their whole paths, as they may run in another one."""
    if model not in (NANO, *RELEASES):
        model = str(Path(model).resolve())
    folders = tuple(str(folder.resolve()) for folder in args.models_folder)
    return ModelSource(model, args.resolution, args.dtype, folders)
