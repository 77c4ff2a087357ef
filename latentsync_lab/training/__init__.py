"""Training: a small LatentSync from nothing on synthetic people, or the published recipes on own footage."""

from .preparation import Verdict, Wanted, prepare
from .recipes import NANO, RECIPES, FootageRecipe, Recipe
from .stages import STAGES, train
from .tune import Sources, tune

__all__ = [
    "NANO",
    "RECIPES",
    "STAGES",
    "FootageRecipe",
    "Recipe",
    "Sources",
    "Verdict",
    "Wanted",
    "prepare",
    "train",
    "tune",
]
