"""`train nano`, `train prepare` and the recipes for own footage."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace
from typing import Any

from latentsync_core.cli.progress import progress_bars
from latentsync_core.data import pluralize
from latentsync_core.weights import find_syncnet, load_syncnet

from ..training import NANO, RECIPES, Criteria, FootageRecipe, Sources, prepare, train, tune

MODELS = {256: "1.5", 512: "1.6"}
"""The release that is made for a size of crops."""


def train_nano(args: argparse.Namespace) -> None:
    """Train a small model from nothing, or go on with it."""
    _enable_logging()
    recipe = NANO if args.minutes is None else NANO.shortened(args.minutes)
    with progress_bars() as progress:
        train(recipe, args.out, args.stage, args.start, progress)
    print(args.out)


def train_footage(args: argparse.Namespace) -> None:
    """Train a network that is there already on prepared footage."""
    _enable_logging()
    recipe = RECIPES[args.recipe]
    assert isinstance(recipe, FootageRecipe)  # of the others there is only nano
    loop = replace(recipe.stage.loop, **_collect_chosen(args, "steps", "batch"))
    stage = replace(recipe.stage, loop=loop, **_collect_chosen(args, "perceptual", "sync", "temporal"))
    sources = Sources(args.model or MODELS[recipe.resolution], args.syncnet, args.video_encoder)
    with progress_bars() as progress:
        tune(replace(recipe, stage=stage), args.data, args.out, sources, progress)
    print(args.out)


def _enable_logging() -> None:
    """Log what is done, also without --verbose: a training is long."""
    for package in ("latentsync_core", "latentsync_lab"):
        logging.getLogger(package).setLevel(logging.INFO)


def _collect_chosen(args: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Return the named arguments that were given on the command line."""
    return {name: value for name in names if (value := getattr(args, name, None)) is not None}


def prepare_folder(args: argparse.Namespace) -> None:
    """Cut the faces out of a folder of videos, and say what was dropped and why."""
    criteria = Criteria(args.resolution, most_offset=args.most_offset)
    syncnet = None if args.syncnet is None else load_syncnet(find_syncnet(args.syncnet))
    clips = 0
    with progress_bars() as progress:
        for result in prepare(args.folder, args.out, criteria, syncnet, progress):
            clips += len(result.clips)
            print(f"{result.file}: {pluralize(len(result.clips), 'clip')}")
            for reason in result.dropped:
                print(f"  dropped: {reason}")
            for note in result.notes:
                print(f"  {note}")
    print(f"{pluralize(clips, 'new clip')} in {args.out}")
