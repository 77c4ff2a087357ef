"""`train nano`, `train prepare` and the recipes for own footage."""

from __future__ import annotations

import argparse
import logging
from dataclasses import replace

from ..data import counted
from ..training import NANO, RECIPES, FootageRecipe, Sources, Wanted, prepare, train, tune
from ..weights import load_syncnet

MODELS = {256: "1.5", 512: "1.6"}
"""The release that is made for a size of crops."""


def nano(args: argparse.Namespace) -> None:
    """Train a small model from nothing, or go on with it."""
    logging.getLogger("latentsync_core").setLevel(logging.INFO)
    train(NANO if args.minutes is None else NANO.shortened(args.minutes), args.out, args.stage, args.start)
    print(args.out)


def footage(args: argparse.Namespace) -> None:
    """Train a network that is there already on prepared footage."""
    logging.getLogger("latentsync_core").setLevel(logging.INFO)
    recipe = RECIPES[args.recipe]
    assert isinstance(recipe, FootageRecipe)  # of the others there is only nano
    given = {name: value for name in ("steps", "batch") if (value := getattr(args, name)) is not None}
    loop = replace(recipe.stage.loop, **given)
    recipe = replace(recipe, stage=replace(recipe.stage, loop=loop))
    model = args.model or MODELS[recipe.resolution]
    tune(recipe, args.data, args.out, Sources(model, args.syncnet, args.video_encoder))
    print(args.out)


def prepare_folder(args: argparse.Namespace) -> None:
    """Cut the faces out of a folder of videos, and say what was dropped and why."""
    wanted = Wanted(args.resolution, most_offset=args.most_offset)
    syncnet = None if args.syncnet is None else load_syncnet(args.syncnet)
    clips = 0
    for verdict in prepare(args.folder, args.out, wanted, syncnet):
        clips += len(verdict.clips)
        print(f"{verdict.file}: {counted(len(verdict.clips), 'clip')}")
        for reason in verdict.dropped:
            print(f"  dropped: {reason}")
    print(f"{counted(clips, 'new clip')} in {args.out}")
