"""Training a small LatentSync from nothing: on synthetic people, whose mouths are known."""

from .recipes import NANO, RECIPES, Recipe
from .stages import STAGES, train

__all__ = ["NANO", "RECIPES", "STAGES", "Recipe", "train"]
