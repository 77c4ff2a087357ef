"""The hair styles an identity can have, as numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class HairStyle:
    """Lengths in head units."""

    wide: float
    """How far the hair stands out at the sides."""
    lift: float
    """How far it stands out above the crown."""
    line: float
    """y of the hairline in the middle of the forehead."""
    sweep: float
    """How much lower the hairline is at the temples."""
    sides: float
    """y down to which it covers the sides of the face."""
    length: float
    """y down to which it hangs behind the shoulders; 0 is short."""
    curl: float
    """0 straight .. 1 coiled."""
    density: float = 1.0
    fringe: float = 0.0
    """How far hair falls below the hairline over the forehead."""
    bun: bool = False
    comb: float = 0.0
    """0 the strands fall from the crown .. 1 they are combed sideways and up."""


HAIR_STYLES: dict[str, HairStyle] = {
    "short": HairStyle(0.025, 0.08, -0.68, 0.09, -0.04, 0, 0.1, comb=0.8),
    "quiff": HairStyle(0.005, 0.18, -0.70, 0.07, -0.02, 0, 0.2, comb=1.0),
    "buzz": HairStyle(0.005, 0.02, -0.68, 0.07, -0.06, 0, 0.6, density=0.72),
    "bald": HairStyle(0.0, 0.0, -1.5, 0.0, -0.9, 0, 0, density=0.0),
    "bob": HairStyle(0.13, 0.09, -0.68, 0.55, 0.62, 0.72, 0.0),
    "long": HairStyle(0.12, 0.09, -0.70, 0.62, 1.05, 1.25, 0.35),
    "fringe": HairStyle(0.11, 0.09, -0.62, 0.10, 0.75, 0.95, 0.05, fringe=0.23),
    "curly": HairStyle(0.12, 0.20, -0.60, 0.16, 0.06, 0, 0.8),
    "afro": HairStyle(0.30, 0.34, -0.60, 0.10, 0.20, 0, 1.0),
    "bun": HairStyle(0.02, 0.04, -0.66, 0.16, -0.02, 0, 0.0, bun=True),
}
