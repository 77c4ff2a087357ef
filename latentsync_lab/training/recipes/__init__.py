"""Everything that a training run is made of, as numbers."""

from .nano import NANO
from .parts import (
    MINUTES,
    DataRecipe,
    EncoderRecipe,
    FootageRecipe,
    LoopRecipe,
    MouthRegressorRecipe,
    PixelRecipe,
    Recipe,
    SyncNetRecipe,
    UNetRecipe,
    VaeRecipe,
    VideoMaeRecipe,
)
from .published import STAGE1, STAGE1_512, STAGE2, STAGE2_512, STAGE2_EFFICIENT, SYNCNET

RECIPES: dict[str, Recipe | FootageRecipe] = {
    "nano": NANO,
    "stage1": STAGE1,
    "stage1_512": STAGE1_512,
    "stage2": STAGE2,
    "stage2_512": STAGE2_512,
    "stage2_efficient": STAGE2_EFFICIENT,
    "syncnet": SYNCNET,
}

__all__ = [
    "MINUTES",
    "NANO",
    "RECIPES",
    "DataRecipe",
    "EncoderRecipe",
    "FootageRecipe",
    "LoopRecipe",
    "PixelRecipe",
    "MouthRegressorRecipe",
    "Recipe",
    "SyncNetRecipe",
    "UNetRecipe",
    "VaeRecipe",
    "VideoMaeRecipe",
]
