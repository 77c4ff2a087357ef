"""Active speaker detection: whose mouth fits a clip's own audio, scene by scene."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ..data import Clip, Evidence, FloatArray, IntArray, Progress, SceneChoice, SpeakerChoice, Waveform
from ..faces import Survey, align_track
from ..media import to_speech_16k
from ..models.syncnet import StableSyncNet
from .score import SAMPLES_PER_FRAME, measure_level
from .sync import (
    FPS,
    FRAMES,
    LEAST_CONFIDENCE,
    MAX_OFFSET,
    SyncCurve,
    compare,
    embed_audio,
    embed_mouths,
    face_window,
)
from .view import crops_of, source_of

_LEAST_SCENE = 2 * FPS
"""Frames at 25 a second by which a SyncNet tells speakers: of two drawn ones who both move their mouths, 98 in 100
(59 of 60), while a video of a person, on whom it was not trained, is below `LEAST_CONFIDENCE` in 75 of 75."""
_MOST_FRAMES = 4 * FPS
"""Of a longer scene the loudest so many frames are looked at."""
_MOST_SCENES = 100
"""The longest so many scenes are judged by a SyncNet."""
_WINDOW_STEP = 4

_MOST_RIVALS = 4
"""Persons of a scene that are compared, the largest."""
_SYNC_SPREAD = 0.05
"""Difference of confidence at which a SyncNet is right 3 times in 4, in scenes of 1 to 4 s of drawn people."""
_OPENING_SPREAD = 0.36
"""The same for `_score_opening` over one second, on 13 people who talk against 27 others; it falls as more is seen."""
_OPENING_LAG = 6
"""Frames by which mouth and audio may be out of sync."""
_MOVEMENT_WEIGHT, _LEAST_MOVEMENT = 0.3, 0.002

_AUDIBLE_DB = 35.0
"""Levels further below the loudest count as so far below it."""
_LEAST_RANGE_DB = 6.0
"""Speech spans more; silence, noise and hum tell nothing."""
_SUREST = 0.99
"""Of 201 scenes of 2 s and more 200 were right."""
_SURE_ENOUGH = 0.8
"""A mouth's movement decides only where it is at least so probably right: it does not tell speech from a smile."""


@dataclass(frozen=True, eq=False)
class _Scene:
    """A scene, and its part that is looked at."""

    first: int
    last: int
    persons: tuple[int, ...]
    """Numbers from 1 of those that are seen."""
    shown: IntArray
    """Shape (F,): the clip's frames, at 25 a second."""
    start: int
    """The first of them in the clip at 25 a second."""
    level: FloatArray
    """Shape (F,): of the audio in dB."""


def detect_speaker(
    clip: Clip,
    found: Survey,
    audio: Waveform,
    syncnets: Iterable[StableSyncNet],
    progress: Progress | None = None,
) -> SpeakerChoice:
    """Choose who speaks in each scene of a clip by its own audio; a scene has one speaker.

    By synchrony, of the first SyncNet that is sure; else by how the mouths open with the audio; else the person who
    speaks elsewhere, if there; else, where no scene tells, the person with the most face area. Each further SyncNet
    is asked for only where a scene is open. progress: called for `speaker`.
    """
    samples = to_speech_16k(audio)
    scenes = list(_find_scenes(clip, found, samples))
    judged: dict[int, SceneChoice] = {}
    longest = sorted(range(len(scenes)), key=lambda i: scenes[i].first - scenes[i].last)[:_MOST_SCENES]
    left = [i for i in longest if len(scenes[i].shown) >= _LEAST_SCENE]
    networks = iter(syncnets)
    while left and (syncnet := next(networks, None)) is not None:
        synchrony = _Synchrony(clip, found, samples, syncnet)
        for done, i in enumerate(left, 1):
            judged |= _judge(scenes[i], i, "synchrony", *_pick_in_sync(synchrony.measure(scenes[i])))
            if progress is not None:
                progress("speaker", done, len(left))
        left = [i for i in left if i not in judged]
    for i, scene in enumerate(scenes):
        if i not in judged:
            judged |= _judge(scene, i, "opening", *_pick_by_opening(found, scene))
    return _settle(found, scenes, judged)


def _find_scenes(clip: Clip, found: Survey, samples: npt.NDArray[np.float32]) -> Iterator[_Scene]:
    source = source_of(clip)
    level = measure_level(samples, len(source))
    seen, sizes = ~np.isnan(found.boxes[..., 0]), (found.boxes[..., 2:] - found.boxes[..., :2]).prod(-1)
    bounds = [0, *found.cuts.tolist(), seen.shape[1]]
    for first, stop in zip(bounds, bounds[1:], strict=False):
        if first == stop:
            continue
        part = np.flatnonzero((source >= first) & (source < stop))
        areas = np.nansum(sizes[:, first:stop], axis=1)
        persons = [int(p) + 1 for p in np.argsort(-areas) if seen[p, first:stop].any()]
        part = part[_find_loudest(level[part], _MOST_FRAMES)]
        start = int(part[0]) if len(part) else 0
        yield _Scene(first, stop - 1, tuple(persons), source[part], start, level[part])


def _find_loudest(level: FloatArray, frames: int) -> slice:
    if len(level) <= frames:
        return slice(None)
    start = int(np.argmax(np.convolve(level, np.ones(frames), "valid")))
    return slice(start, start + frames)


class _Synchrony:
    """How well mouths fit the audio, by a SyncNet."""

    def __init__(
        self, clip: Clip, found: Survey, samples: npt.NDArray[np.float32], syncnet: StableSyncNet
    ) -> None:
        self._clip, self._found, self._syncnet = clip, found, syncnet
        self._heard = np.pad(samples, MAX_OFFSET * SAMPLES_PER_FRAME)
        self._matrices: dict[int, npt.NDArray[np.float64]] = {}

    def measure(self, scene: _Scene) -> dict[int, float]:
        """Return the confidence in each person of a scene who is seen for long enough."""
        first, frames = scene.start * SAMPLES_PER_FRAME, len(scene.shown) + 2 * MAX_OFFSET
        heard = self._heard[first : first + frames * SAMPLES_PER_FRAME]
        if len(heard) < frames * SAMPLES_PER_FRAME / 2:  # the audio ends before
            return {}
        audio = embed_audio(self._syncnet, heard, frames)
        curves = {
            number: self._compare(number, scene.shown, audio) for number in scene.persons[:_MOST_RIVALS]
        }
        return {number: curve.confidence for number, curve in curves.items() if curve is not None}

    def _compare(self, number: int, shown: IntArray, audio: Tensor) -> SyncCurve | None:
        matrices = self._align(number)[shown]
        shows = ~np.isnan(matrices[:, 0, 0])
        last = len(shows) - FRAMES
        starts = [k for k in range(0, last + 1, _WINDOW_STEP) if shows[k : k + FRAMES].all()]
        if not starts:
            return None
        crops = crops_of(list(self._clip.read(shown.tolist())), matrices, self._syncnet.resolution)
        mouths = embed_mouths(self._syncnet, (face_window(crops, k) for k in starts))
        return compare(mouths, np.array(starts) + MAX_OFFSET, audio, MAX_OFFSET)

    def _align(self, number: int) -> npt.NDArray[np.float64]:
        if number not in self._matrices:
            track = self._found.tracks[number - 1]
            self._matrices[number] = align_track(self._clip, track, self._syncnet.resolution)
        return self._matrices[number]


def _pick_in_sync(confidences: Mapping[int, float]) -> tuple[int, float] | tuple[None, None]:
    """Return who is in sync and how sure that is."""
    ranked = sorted(confidences, key=lambda number: -confidences[number])
    if not ranked or confidences[ranked[0]] < LEAST_CONFIDENCE:
        return None, None
    rival = confidences[ranked[1]] if len(ranked) > 1 else LEAST_CONFIDENCE
    return ranked[0], _squash((confidences[ranked[0]] - rival) / _SYNC_SPREAD)


def _pick_by_opening(found: Survey, scene: _Scene) -> tuple[int, float] | tuple[None, None]:
    """Return whose mouth opens with the audio and how sure that is; nobody where there is nobody to compare with."""
    scores: dict[int, float] = {}
    for number in scene.persons:
        openings = found.tracks[number - 1].openings
        if openings is not None and len(scene.level) >= FPS:
            score = _score_opening(openings[scene.shown], scene.level)
            scores |= {} if score is None else {number: score}
    ranked = sorted(scores, key=lambda number: -scores[number])
    if len(ranked) < 2:
        return None, None
    seconds = min(len(scene.level), _MOST_FRAMES) / FPS
    sure = _squash((scores[ranked[0]] - scores[ranked[1]]) * math.sqrt(seconds) / _OPENING_SPREAD)
    return (ranked[0], sure) if sure >= _SURE_ENOUGH else (None, None)


def _score_opening(opening: FloatArray, level: FloatArray) -> float | None:
    """Score how a mouth (F,) opens with audio (F,) in dB, and how much it moves.

    None where the mouth is seldom seen, or no speech is heard.
    """
    seen = np.flatnonzero(~np.isnan(opening))
    loud = np.maximum(level, np.quantile(level, 0.95) - _AUDIBLE_DB)
    if 2 * len(seen) < len(opening) or np.ptp(loud) < _LEAST_RANGE_DB:
        return None
    mouth = np.interp(np.arange(len(opening)), seen, opening[seen])
    fit = max(_correlate(mouth, loud, lag) for lag in range(-_OPENING_LAG, _OPENING_LAG + 1))
    movement = float(np.abs(np.diff(mouth)).mean())
    return fit + _MOVEMENT_WEIGHT * math.log(movement + _LEAST_MOVEMENT)


def _correlate(a: FloatArray, b: FloatArray, lag: int) -> float:
    """Correlate two signals of one length, one shifted; 0 where one is constant."""
    a, b = a[max(0, lag) : len(a) + min(0, lag)], b[max(0, -lag) : len(b) + min(0, -lag)]
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread > 1e-9 else 0.0


def _squash(odds: float) -> float:
    return round(min(_SUREST, 1 / (1 + math.exp(-odds))), 3)


def _judge(
    scene: _Scene, index: int, by: Evidence, person: int | None, sure: float | None
) -> dict[int, SceneChoice]:
    if person is None:
        return {}
    return {index: SceneChoice(scene.first, scene.last, (person,), by, sure)}


def _settle(found: Survey, scenes: Sequence[_Scene], judged: Mapping[int, SceneChoice]) -> SpeakerChoice:
    """Fill in the scenes that tell nothing, and join neighbours that are alike."""
    frames: Counter[int] = Counter()
    for choice in judged.values():
        frames[choice.persons[0]] += choice.last - choice.first + 1
    by: Evidence
    usual, by = (frames.most_common(1)[0][0], "elsewhere") if frames else (1, "area")
    choices = []
    for i, scene in enumerate(scenes):
        there = usual in scene.persons
        other = SceneChoice(scene.first, scene.last, (usual,) if there else (), by if there else "nobody")
        choices.append(judged.get(i, other))
    joined = []
    for _, group in groupby(choices, lambda c: (c.persons, c.by)):
        alike = list(group)
        sures = [c.sure for c in alike if c.sure is not None]
        joined.append(replace(alike[0], last=alike[-1].last, sure=min(sures) if sures else None))
    return SpeakerChoice(len(found.tracks), tuple(joined))
