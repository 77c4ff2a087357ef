"""Who is speaking: every number that makes one invented face differ from the next."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Any

import numpy as np

from latentsync_core.errors import InputError

from .hairstyles import HAIR_STYLES
from .paint import Colour

SKIN_TONES: tuple[Colour, ...] = (
    (0.94, 0.79, 0.71),
    (0.92, 0.75, 0.64),
    (0.89, 0.70, 0.57),
    (0.84, 0.64, 0.49),
    (0.77, 0.56, 0.41),
    (0.68, 0.47, 0.335),
    (0.58, 0.39, 0.275),
    (0.47, 0.31, 0.22),
    (0.38, 0.245, 0.18),
    (0.30, 0.195, 0.15),
)
"""Light to very dark in steps of about equal lightness; identities are drawn evenly along it."""

HAIR_COLOURS: tuple[Colour, ...] = (
    (0.07, 0.055, 0.05),
    (0.15, 0.095, 0.07),
    (0.28, 0.17, 0.10),
    (0.42, 0.27, 0.15),
    (0.72, 0.55, 0.31),
    (0.52, 0.23, 0.11),
    (0.33, 0.13, 0.09),
)
"""Black, two browns, light brown, blond, copper, auburn."""

IRIS_COLOURS: tuple[Colour, ...] = (
    (0.20, 0.11, 0.06),
    (0.34, 0.20, 0.10),
    (0.40, 0.34, 0.16),
    (0.30, 0.42, 0.56),
    (0.32, 0.45, 0.33),
    (0.44, 0.48, 0.50),
)
"""Dark brown, brown, hazel, blue, green, grey."""

HAIR_WEIGHTS = (0.15, 0.12, 0.07, 0.04, 0.12, 0.14, 0.10, 0.11, 0.07, 0.08)
"""How often each style of HAIR_STYLES, in its order, is drawn."""

GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it, modulo 1, cover 0..1 evenly: any run of seeds has light and dark skins alike."""

BACKDROPS = ("studio", "bokeh", "room")


@dataclass(frozen=True)
class Identity:
    """The looks of one invented person and of the place they sit in; lengths are in head units."""

    seed: int
    """Also seeds the small irregularities (strands, blotches) that have no number of their own."""
    skin: Colour
    hair: Colour
    iris: Colour
    lips: Colour
    face_width: float
    """Half the width between the temples."""
    jaw: float
    """Exponent of the lower outline: 1.7 is pointed, 2.8 square."""
    chin: float
    """y of the chin."""
    eye_x: float
    eye_y: float
    eye_width: float
    eye_height: float
    eye_tilt: float
    """How much the outer corner lies above the inner one."""
    crease: float
    """Strength of the upper lid's fold, 0..1."""
    brow_lift: float
    """Height of the brow above the eye."""
    brow_thickness: float
    brow_arch: float
    nose_y: float
    """y of the tip of the nose."""
    nose_width: float
    nose_height: float
    """How far the bridge stands out."""
    mouth_y: float
    mouth_width: float
    """Half the width of the mouth at rest."""
    lip_upper: float
    lip_lower: float
    """Thickness of the two lips at rest."""
    smile: float
    """How far the corners of the mouth lie above its middle at rest."""
    age: float
    """0 young .. 1 old: lines and grey hair."""
    hair_style: str
    hair_part: float
    """Where the parting lies, -1..1 across the forehead."""
    beard: float
    """0 none .. 1 full."""
    freckles: float
    glasses: bool
    clothes: Colour
    neckline: float
    """Depth of the neckline: 0 round .. 1 deep V."""
    backdrop: str
    backdrop_colours: tuple[Colour, Colour]
    light: tuple[float, float]
    """Direction of the key light: x and y of a vector whose z is 1, negative y from above."""
    warmth: float
    """Colour of the key light: -1 cool .. 1 warm."""

    def __post_init__(self) -> None:
        if self.hair_style not in HAIR_STYLES or self.backdrop not in BACKDROPS:
            raise InputError(
                f"Identity takes a hair style of {tuple(HAIR_STYLES)} and a backdrop of {BACKDROPS}, "
                f"got {self.hair_style!r} and {self.backdrop!r}."
            )
        colours = (self.skin, self.hair, self.iris, self.lips, self.clothes, *self.backdrop_colours)
        if any(len(c) != 3 or not all(0 <= v <= 1 for v in c) for c in colours):
            raise InputError("Identity takes colours as three numbers (red, green, blue) in 0..1.")

    @classmethod
    def random(cls, seed: int) -> Identity:
        """Draw a person; the same seed (0 or above) always gives the same one."""
        if seed < 0:
            raise InputError(f"Identity.random takes a seed of 0 or above, got {seed}.")
        rng = np.random.default_rng([seed, 0])
        draws = (
            _draw_colours(rng, seed % 2**20 * GOLDEN % 1),
            _draw_proportions(rng),
            _draw_style(rng),
            _draw_surroundings(rng),
        )
        return cls(seed=seed, **{name: value for draw in draws for name, value in draw.items()})


def _to_colour(values: Any) -> Colour:
    red, green, blue = (float(v) for v in np.clip(values, 0, 1))
    return red, green, blue


def _draw_colours(rng: np.random.Generator, tone: float) -> dict[str, Any]:
    depth = tone * (len(SKIN_TONES) - 1)
    index = min(int(depth), len(SKIN_TONES) - 2)
    tones = np.array(SKIN_TONES[index : index + 2])
    skin = (tones[0] + (tones[1] - tones[0]) * (depth - index)) * rng.uniform(0.97, 1.03, 3)
    # Blond, red and light eyes go with lighter skins.
    hair = np.array(HAIR_COLOURS[rng.integers(len(HAIR_COLOURS) if depth < 3 else 3)]) * rng.uniform(
        0.85, 1.15
    )
    iris = np.array(IRIS_COLOURS[rng.integers(len(IRIS_COLOURS) if depth < 3 else 2)]) * rng.uniform(0.9, 1.1)
    age = float(np.clip(rng.normal(0.25, 0.28), 0, 1))
    grey = np.clip(age - 0.45, 0, 0.5) * rng.uniform(0, 2)
    hair = hair + (np.array([0.62, 0.61, 0.60]) - hair) * grey
    return {
        "skin": _to_colour(skin),
        "hair": _to_colour(hair),
        "iris": _to_colour(iris),
        "lips": _to_colour(_draw_lip_colour(skin, rng)),
        "age": age,
        "freckles": float(max(0, rng.uniform(-2, 1))) if depth < 2.5 else 0.0,
    }


def _draw_lip_colour(skin: Any, rng: np.random.Generator) -> Any:
    """Choose a colour redder than the skin and, except on dark skin, darker, so that the lips stand out."""
    pigment = np.array([0.64, 0.27, 0.27]) * (0.62 + 0.5 * skin.mean()) + rng.uniform(-0.03, 0.03, 3)
    return skin + (pigment - skin) * rng.uniform(0.68, 0.95)


def _draw_proportions(rng: np.random.Generator) -> dict[str, Any]:
    ranges = {
        "face_width": (0.645, 0.725),
        "jaw": (1.75, 2.35),
        "chin": (0.91, 0.97),
        "eye_x": (0.275, 0.31),
        "eye_y": (-0.09, -0.05),
        "eye_width": (0.137, 0.16),
        "eye_height": (0.060, 0.078),
        "eye_tilt": (-0.008, 0.022),
        "crease": (0.15, 1.0),
        "brow_lift": (0.165, 0.205),
        "brow_thickness": (0.024, 0.042),
        "brow_arch": (0.02, 0.045),
        "nose_y": (0.26, 0.31),
        "nose_width": (0.115, 0.155),
        "nose_height": (0.11, 0.175),
        "mouth_y": (0.535, 0.575),
        "mouth_width": (0.215, 0.255),
        "lip_upper": (0.042, 0.066),
        "lip_lower": (0.058, 0.085),
        "smile": (0.0, 0.022),
    }
    return {name: float(rng.uniform(*limits)) for name, limits in ranges.items()}


def _draw_style(rng: np.random.Generator) -> dict[str, Any]:
    style = str(rng.choice(list(HAIR_STYLES), p=HAIR_WEIGHTS))
    bearded = style in ("short", "quiff", "buzz", "bald", "curly") and rng.random() < 0.4
    return {
        "hair_style": style,
        "hair_part": float(rng.uniform(-0.55, 0.55)),
        "beard": float(rng.uniform(0.15, 0.75)) if bearded else 0.0,
        "glasses": bool(rng.random() < 0.15),
        "neckline": float(rng.uniform(0, 1)),
    }


def _draw_surroundings(rng: np.random.Generator) -> dict[str, Any]:
    hue, value = rng.random(), rng.uniform(0.55, 0.9)
    near = colorsys.hsv_to_rgb(hue, rng.uniform(0.08, 0.34), value)
    far = colorsys.hsv_to_rgb((hue + rng.uniform(-0.12, 0.12)) % 1, rng.uniform(0.15, 0.40), value * 0.62)
    clothes = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.05, 0.55), rng.uniform(0.2, 0.85))
    return {
        "clothes": _to_colour(clothes),
        "backdrop": str(rng.choice(BACKDROPS)),
        "backdrop_colours": (_to_colour(near), _to_colour(far)),
        "light": (float(rng.uniform(-0.75, 0.75)), float(rng.uniform(-0.6, -0.2))),
        "warmth": float(rng.uniform(-0.6, 1)),
    }
