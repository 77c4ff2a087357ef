"""The networks that a command's arguments name, and the workers that make windows with them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from ..models.bundle import LipSyncModels
from ..pool import WindowPool, start_networks
from .inputs import model_source_of, workers_of


@contextmanager
def open_networks(args: argparse.Namespace) -> Iterator[tuple[LipSyncModels, WindowPool | None]]:
    """Load the networks and start the workers that the arguments name; see `pool.start_networks`."""
    models, pool = start_networks(model_source_of(args), args.device, workers_of(args))
    with pool or nullcontext():
        yield models, pool
