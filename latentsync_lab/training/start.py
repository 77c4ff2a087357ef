"""The checkpoint that a run begins with, where it does not begin from nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

from accelerate import PartialState
from torch import nn

from latentsync_core.errors import InputError
from latentsync_core.partial import partial_path, remove_abandoned
from latentsync_core.weights import load_models

from ..fresh import nano_networks

START = "start"
"""Its folder in that of the run."""


def begin_with(checkpoint: Path, folder: Path) -> None:
    """Copy a checkpoint to where the stages of a run look for it; raises as `fill_from`."""
    fill_from(checkpoint, nano_networks())
    if PartialState().is_main_process:
        target = folder / START
        folder.mkdir(parents=True, exist_ok=True)
        remove_abandoned(target)
        with partial_path(target) as partial:
            shutil.copytree(checkpoint, partial)
            partial.rename(target)
    PartialState().wait_for_everyone()


def fill_from(checkpoint: Path, networks: tuple[nn.Module, nn.Module, nn.Module]) -> None:
    """Give the weights of a checkpoint to UNet, VAE and Whisper encoder.

    Raises InputError if they have other sizes, WeightsError if the checkpoint cannot be read.
    """
    models = load_models(checkpoint, device="cpu")
    try:
        for network, source in zip(networks, (models.unet, models.vae, models.whisper), strict=True):
            network.load_state_dict(source.state_dict())
    except RuntimeError as exc:
        raise InputError(
            f"{checkpoint} has networks of other sizes than nano's; take a checkpoint that `train nano` made."
        ) from exc
