"""A synthetic clip: people who speak, what happens to them, and the truth about every frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from latentsync_core.data import SPEECH_RATE, Array, FaceTrack, FloatArray, Waveform
from latentsync_core.errors import InputError

from .backdrop import paint_backdrop, paint_landscape
from .events import Cutaway, Event, Occlusion, PersonEvent, Silence, TurnAway, Walk, draw_hand, mute
from .head import Expression, Head
from .identity import Identity
from .motion import Motion
from .mouth import MouthTrack, mouth_from_speech
from .paint import EXTENT, Field
from .speech import mono_16k
from .warp import Pose

E = TypeVar("E", bound=PersonEvent)

TEXELS = (320, 768)
"""Least and greatest side of a head's texture."""
TURNED_YAW = 30.0
"""Yaw in degrees of a person who leaves the frame."""
HEAD_REACH = (1.0, 1.3)
"""Half width and half height of what a head and its hair hide, in head units."""
GRAIN_MARGIN = 32
"""Pixels by which one noise image is larger than a frame: each frame takes it at another place, which is cheap."""


@dataclass(frozen=True, eq=False)
class Person:
    """Someone in a scene."""

    identity: Identity
    speech: npt.NDArray[np.float32]
    """What they say: (n,) samples, mono at 16 kHz; after its end the mouth is closed."""
    centre: tuple[float, float]
    """Where the middle of the head rests, x and y in pixels."""
    unit: float
    """Pixels in a head unit: the head is about two of them high."""
    motion: Motion


@dataclass(frozen=True, eq=False)
class Scene:
    """All that a SyntheticClip needs to know."""

    people: tuple[Person, ...]
    fps: Fraction
    frames: int
    size: tuple[int, int]
    """Width and height in pixels."""
    events: tuple[Event, ...] = ()
    grain: float = 2.0
    """Standard deviation of the camera's noise in grey levels."""
    seed: int = 0

    def __post_init__(self) -> None:
        if self.fps <= 0 or self.frames < 1 or min(self.size) < 16 or not self.people:
            raise InputError(
                "A Scene takes at least one person and one frame, a frame rate above 0 and a width and height "
                f"of at least 16, got {len(self.people)}, {self.frames}, {self.fps} and {self.size}."
            )
        if any(isinstance(e, PersonEvent) and e.person not in range(len(self.people)) for e in self.events):
            raise InputError(f"An event names a person outside 0..{len(self.people) - 1}.")


@dataclass(frozen=True, eq=False)
class Truth:
    """What is true of one person in every frame of a clip."""

    mouth: MouthTrack
    points: npt.NDArray[np.float64]
    """Shape (N, 3, 2): left brow, right brow, nose in pixels; NaN where the face is not to be seen."""
    boxes: npt.NDArray[np.float64]
    """Shape (N, 4): left, top, right, bottom of the lips in pixels; NaN where the face is not to be seen."""
    visible: npt.NDArray[np.bool_]
    """Shape (N,): brows, nose and lips all lie in the frame; a hand before them does not count."""
    occluded: npt.NDArray[np.bool_]
    """Shape (N,): something lies before the mouth."""

    @property
    def track(self) -> FaceTrack:
        """The points as a face survey would report them."""
        return FaceTrack.from_points(self.points)


@dataclass(frozen=True, eq=False)
class _Performance:
    """One person's part, frame by frame."""

    person: Person
    head: Head
    poses: list[Pose]
    views: list[FloatArray]
    """From pixels of the frame to head units, (2, 3) a frame."""
    expressions: list[Expression]
    hand: FloatArray
    """(N,), 0 no hand .. 1 before the mouth."""
    mouth: MouthTrack


class SyntheticClip:
    """A rendered Scene that reads like any other video (`data.Clip`); every frame is made when it is asked for."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._middles = (np.arange(scene.frames) + 0.5) / float(scene.fps)
        self._parts = [self._perform(index) for index in range(len(scene.people))]
        backdrop = paint_backdrop(scene.people[0].identity, self.height, self.width)
        self._backdrop = _to_bytes(backdrop)
        self._landscape = _to_bytes(paint_landscape(scene.seed, self.height, self.width))
        cutaways = [event.active(self._middles) for event in scene.events if isinstance(event, Cutaway)]
        self._cut = np.any([np.zeros(scene.frames, bool), *cutaways], axis=0)
        self._grain = self._make_grain()
        self.truth = tuple(self._make_truth(index) for index in range(len(self._parts)))

    @property
    def fps(self) -> Fraction:
        """Frames per second."""
        return self.scene.fps

    @property
    def times(self) -> FloatArray:
        """Start of every frame in seconds, shape (N,)."""
        return np.arange(self.scene.frames) / float(self.fps)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return float(self.scene.frames / self.fps)

    @property
    def height(self) -> int:
        return self.scene.size[1]

    @property
    def width(self) -> int:
        return self.scene.size[0]

    def speech(self, person: int = 0) -> Waveform:
        """Return a person's speech, mono at 16 kHz, with the clip's silences and of the clip's length."""
        count = round(self.duration * SPEECH_RATE)
        said = self._speech_of(person)[:count]
        return Waveform(np.pad(said, (0, count - len(said)))[None], SPEECH_RATE)

    def read(self, indices: Iterable[int]) -> Iterator[Array]:
        """Yield the frames named by `indices`, each (H, W, 3) uint8 RGB. Raises InputError outside 0..N-1."""
        for index in indices:
            if not 0 <= index < self.scene.frames:
                raise InputError(f"The clip has the frames 0..{self.scene.frames - 1}, got {index}.")
            yield self._render(int(index))

    def _render(self, index: int) -> Array:
        if self._cut[index]:
            return self._add_grain(self._landscape, index)
        frame = self._backdrop.copy()
        for part in self._parts:
            _draw_part(frame, part, index)
        return self._add_grain(frame, index)

    def _events_of(self, kind: type[E], person: int) -> list[E]:
        return [e for e in self.scene.events if isinstance(e, kind) and e.person == person]

    def _strength_of(self, kind: type[PersonEvent], person: int) -> FloatArray:
        strengths = [event.strength(self._middles) for event in self._events_of(kind, person)]
        return np.asarray(np.max([np.zeros(self.scene.frames), *strengths], axis=0))

    def _speech_of(self, person: int) -> npt.NDArray[np.float32]:
        samples = self.scene.people[person].speech
        for event in self._events_of(Silence, person):
            samples = mute(samples, event)
        return samples

    def _perform(self, index: int) -> _Performance:
        person = self.scene.people[index]
        mouth = mouth_from_speech(self._speech_of(index), self._middles)
        blinks, gazes = person.motion.blinks(self._middles), person.motion.gazes(self._middles)
        away = self._strength_of(TurnAway, index)
        walked = np.sum([walk.shift(self._middles) for walk in self._events_of(Walk, index)], axis=0)
        side = 1.0 if person.centre[0] >= self.width / 2 else -1.0
        edge = self.width if side > 0 else 0
        # Far enough for the whole head, hair included, to leave the frame on the nearer side.
        way = edge - person.centre[0] + side * (EXTENT + 1.0) * person.unit
        poses = [
            replace(pose, yaw=pose.yaw + (side * TURNED_YAW - pose.yaw) * min(1.0, 2 * a))
            for pose, a in zip(person.motion.poses(self._middles), away, strict=True)
        ]
        return _Performance(
            person=person,
            head=Head(person.identity, int(np.clip(2 * EXTENT * person.unit, *TEXELS))),
            poses=poses,
            views=[_make_view(person, float(shift)) for shift in away * way + walked],
            expressions=[
                Expression(mouth[k], float(blinks[k]), (float(gazes[k, 0]), float(gazes[k, 1])))
                for k in range(self.scene.frames)
            ],
            hand=self._strength_of(Occlusion, index),
            mouth=mouth,
        )

    def _make_truth(self, index: int) -> Truth:
        part = self._parts[index]
        points = np.stack(
            [_to_pixels(part.head.points(p), v) for p, v in zip(part.poses, part.views, strict=True)]
        )
        boxes = np.stack(
            [
                _to_pixels(part.head.mouth_box(p, e.mouth).reshape(2, 2), v).ravel()
                for p, e, v in zip(part.poses, part.expressions, part.views, strict=True)
            ]
        )
        inside = (boxes[:, :2] >= 0).all(1) & (boxes[:, 2:] < self.scene.size).all(1)
        inside &= ((points >= 0) & (points < self.scene.size)).all((1, 2))
        hidden = [_hides(front, points, boxes) for front in self._parts[index + 1 :]]
        visible = inside & ~self._cut & ~np.any([np.zeros(len(points), bool), *hidden], axis=0)
        points[~visible], boxes[~visible] = np.nan, np.nan
        return Truth(part.mouth, points, boxes, visible, part.hand > 0.5)

    def _make_grain(self) -> Array:
        rng = np.random.default_rng([self.scene.seed, 8])
        shape = (self.height + GRAIN_MARGIN, self.width + GRAIN_MARGIN)
        noise = np.rint(rng.standard_normal(shape, dtype=np.float32) * self.scene.grain).astype(np.int16)
        return np.repeat(noise[..., None], 3, axis=2)

    def _add_grain(self, frame: Array, index: int) -> Array:
        top, left = np.random.default_rng([self.scene.seed, 9, index]).integers(0, GRAIN_MARGIN, 2)
        noise = self._grain[top : top + self.height, left : left + self.width]
        return np.asarray(cv2.add(frame, noise, dtype=cv2.CV_8U))


def _draw_part(frame: Array, part: _Performance, index: int) -> None:
    """Draw one person into the frame in place, working on the columns they can reach only."""
    view, reach = part.views[index], 2.6
    centre = -view[0][2] / view[0][0]
    left = int(np.clip(centre - reach * part.person.unit, 0, frame.shape[1]))
    right = int(np.clip(centre + reach * part.person.unit, 0, frame.shape[1]))
    if left >= right:
        return
    image = frame[:, left:right].astype(np.float32) / 255
    view = view.copy()
    view[:, 2] += view[:, 0] * left
    pose = part.poses[index]
    part.head.draw(image, view, pose, part.expressions[index])
    if part.hand[index] > 0:
        mouth = part.head.mouth_box(pose, part.expressions[index].mouth)
        rise = 2.4 * (1 - float(part.hand[index]))
        draw_hand(image, view, part.person.identity, ((mouth[0] + mouth[2]) / 2, mouth[1] + 0.15 + rise))
    frame[:, left:right] = _to_bytes(image)


def _hides(front: _Performance, points: FloatArray, boxes: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell in which frames a head lies before any point (N, 3, 2) or corner of the lips (N, 4) of another, (N,)."""
    corners = np.concatenate([points, boxes.reshape(-1, 2, 2)], axis=1)
    middles = np.stack([-view[:, 2] / view[0][0] for view in front.views])[:, None]
    reach = (corners - middles) / front.person.unit / HEAD_REACH
    return np.asarray((np.hypot(reach[..., 0], reach[..., 1]) < 1).any(1))


def _make_view(person: Person, shift: float) -> FloatArray:
    x, y = person.centre[0] + shift, person.centre[1]
    return np.array([[1, 0, -x], [0, 1, -y]]) / person.unit


def _to_pixels(points: FloatArray, view: FloatArray) -> npt.NDArray[np.float64]:
    return np.asarray((points - view[:, 2]) / view[0][0], np.float64)


def _to_bytes(image: Field) -> Array:
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def talking_clip(
    seed: int,
    speech: Waveform | npt.NDArray[np.floating],
    fps: Fraction | float = 25,
    size: tuple[int, int] = (320, 320),
    events: tuple[Event, ...] = (),
    motion: float = 1.0,
) -> SyntheticClip:
    """Make a clip of one random person who says `speech`, for as long as it lasts.

    speech: a Waveform, or (n,) samples at 16 kHz. size: width and height. motion: 0 holds the head still.
    """
    samples = mono_16k(speech) if isinstance(speech, Waveform) else np.asarray(speech, np.float32)
    rate = Fraction(fps).limit_denominator(1001)
    unit = 0.36 * min(size)
    centre = (size[0] / 2, max(0.44 * size[1], 1.25 * unit) if size[1] <= size[0] else 0.42 * size[1])
    person = Person(Identity.random(seed), samples, centre, unit, Motion(seed, motion))
    frames = max(1, round(len(samples) / SPEECH_RATE * rate))
    return SyntheticClip(Scene((person,), rate, frames, size, events, seed=seed))
