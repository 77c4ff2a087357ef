"""The arguments of `train`."""

from __future__ import annotations

import argparse
from pathlib import Path

FOOTAGE_RECIPES = {
    "stage1": "the denoiser's noise loss, 256 px",
    "stage1_512": "the same, 512 px",
    "stage2": "the denoiser's losses on decoded images, 256 px",
    "stage2_512": "the same, 512 px",
    "stage2_efficient": "stage 2 with fewer weights and without TREPA, for less memory",
    "syncnet": "a SyncNet, which scores how mouth and audio fit, from nothing",
}
"""A copy of the names in `training.RECIPES`, whose import takes seconds."""
SYNCNETS = "nano (drawn faces), 1.5, 1.6, a checkpoint, or its file or folder"


def add_train(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `train` to a parser."""
    actions = parser.add_subparsers(required=True, metavar="RECIPE|prepare")
    nano = actions.add_parser("nano", help="a small model from nothing, on synthetic people")
    nano.set_defaults(run=("train", "train_nano"))
    nano.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="a run that is here goes on")
    nano.add_argument("--stage", help="one of its stages (default: all, one after another)")
    nano.add_argument(
        "--start", type=Path, metavar="CHECKPOINT", help="go on with its networks, not from nothing"
    )
    nano.add_argument(
        "--minutes", type=float, help="shorten the recipe to about so many minutes on two cores"
    )
    _add_prepare(actions.add_parser("prepare", help="cut the faces out of a folder of videos, for training"))
    for recipe, what in FOOTAGE_RECIPES.items():
        _add_footage(actions.add_parser(recipe, help=what), recipe)


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=("train", "prepare_folder"))
    parser.add_argument("folder", type=Path, metavar="VIDEOS", help="a folder of videos of people who speak")
    parser.add_argument("--out", type=Path, required=True, metavar="DATA", help="work that is here goes on")
    parser.add_argument("--resolution", type=int, default=256, help="side of the crops: 256 (default) or 512")
    parser.add_argument("--syncnet", help=f"move the audio to where this SyncNet sees the mouth: {SYNCNETS}")
    parser.add_argument(
        "--most-offset",
        type=int,
        default=6,
        help="frames of 40 ms to move it by; more is dropped (default: 6)",
    )


def _add_footage(parser: argparse.ArgumentParser, recipe: str) -> None:
    parser.set_defaults(
        run=("train", "train_footage"), recipe=recipe, model=None, syncnet=None, video_encoder=None
    )
    parser.add_argument("--data", type=Path, required=True, help="what `train prepare` made")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="a run that is here goes on"
    )
    parser.add_argument("--steps", type=int, help="in all (default: 100000)")
    parser.add_argument("--batch", type=int, help="windows a step on each GPU")
    if recipe != "syncnet":
        parser.add_argument(
            "--model", help="1.5, 1.6 or a folder (default: the release of the recipe's size)"
        )
    if recipe.startswith("stage2"):
        parser.add_argument(
            "--syncnet", help=f"for the sync loss: {SYNCNETS} (default: looks beside the model)"
        )
        parser.add_argument(
            "--perceptual", type=float, metavar="WEIGHT", help="of LPIPS (0.1); 0 does without"
        )
        parser.add_argument(
            "--sync", type=float, metavar="WEIGHT", help="of SyncNet's loss (0.05); 0 does without"
        )
    if recipe in ("stage2", "stage2_512"):
        parser.add_argument("--temporal", type=float, metavar="WEIGHT", help="of TREPA (10); 0 does without")
        parser.add_argument("--video-encoder", type=Path, help="vit_g_hybrid_pt_1200e_ssv2_ft.pth, for TREPA")
