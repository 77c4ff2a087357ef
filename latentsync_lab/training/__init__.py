"""Training: a small LatentSync from nothing on synthetic people, or the published recipes on own footage."""

from latentsync_core.errors import LatentSyncError

try:
    import accelerate  # noqa: F401
except ModuleNotFoundError as exc:
    raise LatentSyncError(
        "Training needs accelerate, which is not installed: pip install 'latentsync-native[lab]'."
    ) from exc

from .preparation import Criteria, PreparationResult, prepare
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
    "PreparationResult",
    "Criteria",
    "prepare",
    "train",
    "tune",
]
