"""`train RECIPE --out FOLDER`."""

from __future__ import annotations

import argparse
import logging

from ..training import RECIPES, train


def run(args: argparse.Namespace) -> None:
    """Train a model from nothing, or go on with it."""
    logging.getLogger("latentsync_core").setLevel(logging.INFO)
    recipe = RECIPES[args.recipe]
    if args.minutes is not None:
        recipe = recipe.shortened(args.minutes)
    train(recipe, args.out, args.stage)
    print(args.out)
