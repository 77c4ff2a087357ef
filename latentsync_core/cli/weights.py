"""`weights list`, `weights get`, `weights convert`."""

from __future__ import annotations

import argparse

from ..weights import convert_checkpoint, default_folders, download_release, find_checkpoint, list_checkpoints
from .progress import progress_bars


def show(args: argparse.Namespace) -> None:
    """Print one line for each checkpoint: where it is, how large, what it lacks."""
    for row in list_checkpoints(args.models_folder):
        state = "complete" if row.complete else f"lacks {', '.join(row.missing)}"
        place = f"{row.folder} ({row.size / 1e9:.2f} GB)" if row.folder else "not here"
        print(f"{row.source}: {place}, {state}")
    print(f"Searched: {', '.join(map(str, [*args.models_folder, *default_folders()]))}")


def get(args: argparse.Namespace) -> None:
    """Download a release into the first models folder."""
    folder = [*args.models_folder, *default_folders()][0]
    with progress_bars("B") as progress:
        print(download_release(args.name, folder, progress, optional=args.syncnet))


def to_safetensors(args: argparse.Namespace) -> None:
    """Convert a checkpoint to half precision."""
    print(convert_checkpoint(find_checkpoint(args.source, args.models_folder), args.folder))
