"""What can happen in a synthetic clip: each event has an interval in seconds and, but for a cut, a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentsync_core.data import SPEECH_RATE, Array, FloatArray
from latentsync_core.errors import InputError

from .identity import Identity
from .paint import Field, cover, lay, smooth, tint

RAMP_SECONDS = 0.4
"""How long a turn away or a hand takes to come and to go."""
FADE_SECONDS = 0.01


@dataclass(frozen=True)
class Event:
    """Something that happens from `start` to `end` (seconds)."""

    start: float
    end: float

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise InputError(f"An event takes 0 <= start < end in seconds, got {self.start} and {self.end}.")

    def active(self, times: FloatArray) -> Array:
        """Return which times lie within the interval, (N,) bool."""
        return (times >= self.start) & (times < self.end)

    def strength(self, times: FloatArray) -> FloatArray:
        """Return 0 outside the interval and 1 in its middle, with smooth ramps inside it, (N,)."""
        ramp = min(RAMP_SECONDS, (self.end - self.start) / 2)
        return smooth(self.start, self.start + ramp, times) * smooth(self.end, self.end - ramp, times)


@dataclass(frozen=True)
class Cutaway(Event):
    """A landscape is shown instead of the people."""


@dataclass(frozen=True)
class PersonEvent(Event):
    """Something that one person does."""

    person: int = 0


@dataclass(frozen=True)
class TurnAway(PersonEvent):
    """A person turns to the side and leaves the frame."""


@dataclass(frozen=True)
class Occlusion(PersonEvent):
    """A hand comes up before a person's mouth."""


@dataclass(frozen=True)
class Silence(PersonEvent):
    """A person says nothing: the samples are set to zero with 10 ms fades, and so the mouth closes."""


@dataclass(frozen=True)
class Walk(PersonEvent):
    """A person walks sideways and stays there; people who come later in a scene pass before those who come earlier."""

    way: float = 0.0
    """Pixels to the right; below 0 to the left."""

    def shift(self, times: FloatArray) -> FloatArray:
        """Return how far the person has come at every time, (N,) in pixels."""
        return np.asarray(self.way * smooth(self.start, self.end, times))


def mute(samples: FloatArray, event: Silence) -> FloatArray:
    """Return 16 kHz samples (n,) with silence during the event."""
    times = np.arange(len(samples)) / SPEECH_RATE
    quiet = smooth(event.start, event.start + FADE_SECONDS, times)
    quiet = quiet * smooth(event.end, event.end - FADE_SECONDS, times)
    return np.asarray(samples * (1 - quiet), np.float32)


FINGERS = ((-0.27, -0.42, 0.085), (-0.09, -0.52, 0.09), (0.09, -0.50, 0.09), (0.27, -0.40, 0.08))
"""x and y of the finger tips and half their thickness, from the middle of the palm, in head units."""


def draw_hand(image: Field, view: FloatArray, identity: Identity, centre: tuple[float, float]) -> None:
    """Draw a raised hand in a sleeve over `image` in place, its palm at `centre` (head units of the scene)."""
    rows, columns = image.shape[:2]
    px, py = np.meshgrid(np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32))
    x = view[0][0] * px + view[0][1] * py + (view[0][2] - centre[0])
    y = view[1][0] * px + view[1][1] * py + (view[1][2] - centre[1])
    x, y, soft = x.astype(np.float32), y.astype(np.float32), 1.2 * abs(float(view[0][0]))
    depth = 0.36 - np.hypot(x, 0.95 * y)
    depth = np.maximum(depth, _capsule_depth(x, y, (0.20, 0.15), (0.46, -0.10), 0.085))
    depth = np.maximum(depth, 0.24 - np.maximum(np.abs(x), 0.4 - y))
    skin = tint(identity.skin, 0.90)
    _lay_rounded(image, skin, depth, soft)
    for tip_x, tip_y, radius in FINGERS:
        _lay_rounded(image, skin, _capsule_depth(x, y, (0.75 * tip_x, -0.05), (tip_x, tip_y), radius), soft)
    _lay_rounded(image, tint(identity.clothes, 0.9), 0.32 - np.maximum(np.abs(x), 1.0 - y), soft)


def _capsule_depth(
    x: Field, y: Field, start: tuple[float, float], end: tuple[float, float], radius: float
) -> Field:
    """Return the depth inside a thick line segment, negative outside."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    return np.asarray(radius - np.hypot(x - start[0] - along * dx, y - start[1] - along * dy), np.float32)


def _lay_rounded(image: Field, colour: Field, depth: Field, soft: float) -> None:
    """Lay a shape whose rim is darker than its middle."""
    shade = 0.62 + 0.34 * smooth(0.0, 0.07, depth)
    lay(image, colour * shade[..., None], cover(depth, soft))
