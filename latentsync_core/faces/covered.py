"""Tell where something hides a mouth (a microphone, a hand) by comparing a face with itself; no network is needed.

The face is described in cells, each by its colour and its edges. A frame whose mouth differs in many cells from every
frame in which the mouth is to be seen, while the eyes differ little, shows something before the mouth. Speech, a beard
and the light change all the frames alike, or few cells. The edges are histograms of oriented gradients (N. Dalal and
B. Triggs, "Histograms of Oriented Gradients for Human Detection", 2005).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array, FloatArray, IntArray
from .align import crop_size, fit_similarity
from .crop import warp_crop
from .mask import keep_mask

Cells = npt.NDArray[np.uint8]

_RESOLUTION = 256

_PATCH = 48, 64
"""Width and height of the crop that is described."""
_GRID = 12, 16
"""Columns and rows of cells in it."""
_LOWER, _UPPER = np.s_[7:15, 2:10], np.s_[2:7, 2:10]
"""Rows and columns of the cells of the mouth's region, and of brows and eyes."""
_LIGHT = np.s_[8:24, 8:40]
"""Rows and columns of the patch by which the light is measured."""
_GREY, _SPREAD, _GAIN = (150.0, 125.0, 110.0), 45.0, (0.5, 6.0)
"""Mean colour and standard deviation that brows and eyes are brought to, and the limits of the gain."""
_BINS, _COLORS = 6, 3

_EDGE_SCALE = 4.0
"""Steps that are stored of a grey level a pixel."""

_COLOR_DIFFERS = 18.0
"""Distance in CIELAB from which on cells differ."""
_EDGES_DIFFER, _LEAST_EDGES = 0.6, 1.5
"""The same for edges: fraction of their mean strength, to which so many grey levels a pixel are added."""
_STRICT = 0.5
"""Brows and eyes differ from this fraction of the limits on."""
_UPPER_WEIGHT = 1.5
"""What differs above counts so often against what differs below: light, blur and another head pose change both."""
_ALIKE = 0.08
"""Two frames show the same mouth where less of it differs."""
_LEAST_SEEN = 0.6
"""A scene in which a smaller fraction of the frames shows one mouth is not judged: so often it is hidden, or the head
turns so far that it looks like another."""
_WIDER = 0.04
"""A mouth that is open wider than in all frames with which it is compared, by this, is a mouth and not covered."""
_EXAMPLES, _APART = 128, 0.1
"""Frames of a stretch that are compared with all, at most, and the seconds between them."""
_LEAST_EXAMPLES = 4

_LEAST_KNOWN = 0.3
"""Fraction of the cells that lies in the frame, at least, for what differs to be counted in full."""
_STRETCH = 60.0
"""Seconds of a scene that are judged together."""
_BLOCK = 16


def describe_cells(frame: npt.ArrayLike, points: npt.NDArray[np.float64]) -> Cells:
    """Describe the cells of a face at three points (3, 2) of a frame (H, W, 3): (104, 9), mouth first, then eyes.

    Of a cell: lightness, a and b of CIELAB, and the strength of edges in six directions; 0 outside of the frame.
    """
    crop = warp_crop(frame, fit_similarity(points[None], _RESOLUTION)[0], crop_size(_RESOLUTION), np.nan)
    outside = np.isnan(crop[..., 0])
    if outside.any():
        crop[outside] = crop[~outside].mean(0) if not outside.all() else 0
    small = cv2.resize(crop, _PATCH, interpolation=cv2.INTER_AREA)
    patch = _even_light(small.astype(np.float32, copy=False))
    described = np.concatenate([_describe_colors(patch), _describe_edges(patch) * _EDGE_SCALE], -1)
    described[..., 0] = np.maximum(1, described[..., 0])
    cells = np.clip(np.rint(described), 0, 255).astype(np.uint8)
    cells[cv2.resize(outside.astype(np.float32), _GRID, interpolation=cv2.INTER_AREA) > 0.05] = 0
    return np.concatenate([cells[part].reshape(-1, cells.shape[-1]) for part in (_LOWER, _UPPER)])


def measure_covered(
    cells: Mapping[int, Cells], openings: FloatArray, times: FloatArray, cuts: IntArray | Sequence[int]
) -> npt.NDArray[np.float64]:
    """Measure how much of a person's mouth is hidden, (N,) in 0..1; 0 where it is not known.

    cells: of some frames. openings: (N,), NaN where the face is not seen. times: (N,) in seconds. cuts: frames that
    open a scene. A mouth that is hidden in most of a scene is not known.
    """
    covered = np.zeros(len(times))
    for part in _split(np.array(sorted(cells), int), times, cuts):
        values = _compare(np.stack([cells[i] for i in part.tolist()]), openings[part], times[part])
        between = np.arange(part[0], part[-1] + 1)
        covered[between] = np.interp(between, part, values)
    return covered


def _even_light(patch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Bring brows and eyes to one mean colour and contrast."""
    light = patch[_LIGHT].reshape(-1, 3)
    gain = np.clip(_SPREAD / max(1.0, float(light.mean(-1).std())), *_GAIN)
    return np.asarray((patch - light.mean(0)) * gain + _GREY, np.float32)


def _describe_colors(patch: npt.NDArray[np.float32]) -> Array:
    soft = cv2.GaussianBlur(patch, (0, 0), 2.4)
    lab = cv2.cvtColor(np.clip(soft, 0, 255) / 255, cv2.COLOR_RGB2LAB)
    return cv2.resize(lab, _GRID, interpolation=cv2.INTER_AREA) + np.array([0, 128, 128], np.float32)


def _describe_edges(patch: npt.NDArray[np.float32]) -> Array:
    grey = cv2.GaussianBlur(patch.mean(-1), (0, 0), 0.8)
    across, down = (cv2.Sobel(grey, cv2.CV_32F, x, 1 - x) / 8 for x in (1, 0))
    direction = np.arctan2(down, across) % np.pi / np.pi * _BINS
    apart = np.abs((direction[..., None] - np.arange(_BINS) + _BINS / 2) % _BINS - _BINS / 2)
    edges = np.maximum(0, 1 - apart) * np.hypot(across, down)[..., None]
    return cv2.resize(cv2.GaussianBlur(edges, (0, 0), 4.0), _GRID, interpolation=cv2.INTER_AREA)


def _split(frames: IntArray, times: FloatArray, cuts: IntArray | Sequence[int]) -> Iterator[IntArray]:
    """Yield the frames of each stretch that is judged on its own: of one scene, and not too long."""
    for scene in np.split(frames, np.searchsorted(frames, np.asarray(cuts, int))):
        if len(scene):
            pieces = int((times[scene[-1]] - times[scene[0]]) // _STRETCH) + 1
            yield from (piece for piece in np.array_split(scene, pieces) if len(piece))


def _compare(cells: Cells, openings: FloatArray, times: FloatArray) -> FloatArray:
    """Return how much of the mouth is hidden in each frame of a stretch, (K,)."""
    examples = _pick_examples(times)
    seen = examples[_find_seen(cells[examples])] if len(examples) >= _LEAST_EXAMPLES else examples[:0]
    if len(seen) < max(1.0, _LEAST_SEEN * len(examples)):
        return np.zeros(len(cells))
    lower, upper = _differences(cells, cells[seen])
    nearest = (lower + upper).argmin(1)[:, None]
    below, above = (np.take_along_axis(part, nearest, 1)[:, 0] for part in (lower, upper))
    # Where speech opens the mouth wider than in any example there is nothing to compare it with.
    wide = openings > np.nanmax(openings[seen], initial=0.0) + _WIDER
    return np.where(wide, 0.0, np.clip(below - _UPPER_WEIGHT * above, 0, 1))


def _pick_examples(times: FloatArray) -> IntArray:
    count = min(_EXAMPLES, len(times), int((times[-1] - times[0]) / _APART) + 1)
    return np.unique(np.linspace(0, len(times) - 1, count).round().astype(int))


def _find_seen(cells: Cells) -> npt.NDArray[np.bool_]:
    """Tell which frames show the mouth: the largest group in which each is like another one."""
    # What covers a mouth makes a group of its own, or stands alone. From the frame with the most that are like it the
    # group grows over all the shapes of the mouth in speech, each of which is like some others.
    alike = _differences(cells, cells)[0] < _ALIKE
    seen = alike[alike.sum(1).argmax()]
    while (grown := alike[seen].any(0)).sum() > seen.sum():
        seen = grown
    return seen


def _differences(cells: Cells, others: Cells) -> tuple[FloatArray, FloatArray]:
    """Return the fractions (K, E) of the mouth, and of brows and eyes, in which cells differ from others."""
    blocks = np.split(cells, np.arange(_BLOCK, len(cells), _BLOCK))
    lower, upper = zip(*(_compare_block(block, others) for block in blocks), strict=True)
    return np.concatenate(lower), np.concatenate(upper)


def _compare_block(cells: Cells, others: Cells) -> tuple[FloatArray, FloatArray]:
    a, b = cells[:, None].astype(np.float32), others[None].astype(np.float32)
    colors = np.sqrt(((a - b)[..., :_COLORS] ** 2).sum(-1)) / _COLOR_DIFFERS
    strength = (a + b)[..., _COLORS:].sum(-1) / 2 + _LEAST_EDGES * _EDGE_SCALE
    edges = np.abs(a - b)[..., _COLORS:].sum(-1) / strength / _EDGES_DIFFER
    difference = np.maximum(colors, edges)
    known = (a[..., 0] > 0) & (b[..., 0] > 0)
    painted = cv2.resize(1 - keep_mask(_RESOLUTION), _GRID, interpolation=cv2.INTER_AREA)[_LOWER].ravel()
    mouth, eyes = np.s_[..., : len(painted)], np.s_[..., len(painted) :]
    return (
        _fraction(difference[mouth] > 1, known[mouth] * painted, painted.sum()),
        _fraction(difference[eyes] > _STRICT, known[eyes].astype(np.float32), known[eyes].shape[-1]),
    )


def _fraction(differs: Array, weights: Array, whole: float) -> FloatArray:
    """Return the weighted mean over the last axis; where hardly anything is known, of a part of the whole."""
    return np.asarray((differs * weights).sum(-1) / np.maximum(weights.sum(-1), _LEAST_KNOWN * whole))
