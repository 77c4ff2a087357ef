"""Measure faces with FaceMesh (468 vertices), run twice: the first mesh says where to run the second time.

The network was made by Google (Y. Kartynnik et al., "Real-time Facial Surface Geometry from Monocular Video on
Mobile GPUs", 2019); NOTICE.md in assets/faces names the file.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ..data import Array, FloatArray, Frame
from .detect import Roi
from .frame import white
from .graph import Graph
from .look import describe_look

# The means of these vertices are LatentSync's points (brows: 43, 48..51 and 101..105, nose: 74, 77, 83, 86 of
# insightface's 106 landmarks). Chosen on faces with known 106 landmarks: scale within 1 %, rotation within 1 degree.
_LEFT_BROW = [70, 63, 105, 66, 107, 55]
_RIGHT_BROW = [336, 296, 334, 293, 300, 285]
_NOSE = [195, 5, 4, 4, 64, 64, 294, 294]

_EYE_CORNERS = 33, 263
"""The outer corners, left and right in the image."""
_DEPTH = 0.53
"""FaceMesh's depth across a turned face, over the true one: 0.51 on 22 drawn heads turned by up to 50 degrees, 0.53 to
0.6 on photographs laid over their own mesh and turned by up to 45."""
_UPPER_LIP, _LOWER_LIP = [82, 13, 312], [87, 14, 317]
"""The middle of the inner edges of the lips."""
_FOREHEAD, _CHIN = 10, 152

ROI_SCALE = 1.5
"""Side of a region over the longer side of the face in it."""
_BATCH = 16

MIN_SCORE = 0.5
"""A region with a lower score holds no face: true faces score above 0.9, BlazeFace's mistakes below 0.2."""
_MAX_PASSES = 6

_SETTLED = math.radians(4)
"""A roll that changes by less from one pass to the next has settled."""


@dataclass(frozen=True, eq=False, slots=True)
class Face:
    """One face in one frame."""

    numbers: npt.NDArray[np.float64]
    """Shape (13,): points, box, score, opening and yaw in one array, as an hour of video has 90000 faces."""
    look: npt.NDArray[np.int8]
    """Shape (795,): an appearance descriptor, compared by `look.likeness`."""
    imprint: npt.NDArray[np.float32] | None = None
    """The result of `origin.imprint`, only in the frames by which a clip is recognised."""
    cells: npt.NDArray[np.uint8] | None = None
    """The result of `covered.describe_cells`, in the frames in which the mouth may be seen to be covered."""

    @classmethod
    def of(
        cls,
        points: FloatArray,
        box: FloatArray,
        score: float,
        look: npt.NDArray[np.int8],
        opening: float,
        yaw: float,
    ) -> Face:
        """Make a face of what was measured: see the properties."""
        return cls(np.concatenate([points.ravel(), box, (score, opening, yaw)]), look)

    @property
    def points(self) -> npt.NDArray[np.float64]:
        """Shape (3, 2): left brow, right brow, nose as (x, y) in pixels; left is the left of the image."""
        return self.numbers[:6].reshape(3, 2)

    @property
    def box(self) -> npt.NDArray[np.float64]:
        """Shape (4,): x0, y0, x1, y1 around the whole face in pixels."""
        return self.numbers[6:10]

    @property
    def score(self) -> float:
        """0..1: FaceMesh's probability that the region holds a face."""
        return float(self.numbers[10])

    @property
    def opening(self) -> float:
        """Distance of the inner lips over the height of the face: near 0 for a shut mouth, 0.2 for a wide open one."""
        return float(self.numbers[11])

    @property
    def yaw(self) -> float:
        """Degrees the head is turned, -90..90: positive where the nose points to the right of the image."""
        return float(self.numbers[12])


Job = tuple[Frame, Roi]
"""A frame and the region of it to measure."""


def measure(network: Graph, frames: Sequence[Frame], rois: Sequence[Sequence[Roi]]) -> list[list[Face]]:
    """Measure the regions of each frame; one without a face is returned with a score near 0."""
    jobs = [(frame, roi) for frame, found in zip(frames, rois, strict=True) for roi in found]
    faces = iter(
        [face for i in range(0, len(jobs), _BATCH) for face in _measure(network, jobs[i : i + _BATCH])]
    )
    return [[next(faces) for _ in found] for found in rois]


def _measure(network: Graph, jobs: Sequence[Job]) -> list[Face]:
    """Run the mesh twice on each region, and up to `_MAX_PASSES` times while the roll it finds still changes."""
    # FaceMesh is exact only on an upright face that fills its region, which the detector's regions of rolled heads
    # are not: beyond 60 degrees its angle is too small, and the mesh corrects it by 10 to 20 degrees a pass. So each
    # region is measured again where the last mesh lies. Without a face the region would wander: a low score ends it.
    current = list(jobs)
    faces: dict[int, Face] = {}
    todo = list(range(len(jobs)))
    for number in range(_MAX_PASSES):
        again = []
        for i, mesh, score, look in zip(todo, *_run(network, [current[i] for i in todo]), strict=True):
            frame, roi = current[i]
            current[i] = frame, _roi_of(mesh[:, :2])
            faces[i] = _to_face(mesh, score, look)
            turned = abs(math.remainder(current[i][1].angle - roi.angle, math.tau))
            if number == 0 or (turned > _SETTLED and score > MIN_SCORE):
                again.append(i)
        todo = again
        if not todo:
            break
    return [faces[i] for i in range(len(jobs))]


def _run(network: Graph, jobs: Sequence[Job]) -> tuple[FloatArray, FloatArray, list[npt.NDArray[np.int8]]]:
    """Return vertices (B, 468, 3), scores (B,) and B looks.

    Of a vertex: x and y in the frame and the depth, which grows away from the camera, all in pixels of the frame.
    """
    matrices = np.stack([_matrix_of(roi, network.size) for _, roi in jobs])  # (B, 2, 3)
    images = np.stack(
        [_cut_region(frame, m, network.size) for (frame, _), m in zip(jobs, matrices, strict=True)]
    )
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2).to(network.device)
    vertices, logits = (out.float().cpu().numpy().astype(np.float64) for out in network(tensors))
    local = vertices.reshape(len(jobs), -1, 3)
    places = local[..., :2] @ matrices[:, :, :2].transpose(0, 2, 1) + matrices[:, None, :, 2]
    depths = local[..., 2:] * np.linalg.norm(matrices[:, :, 0], axis=1)[:, None, None]
    looks = [describe_look(image, mesh) for image, mesh in zip(images, local, strict=True)]
    return np.concatenate([places, depths], -1), 1 / (1 + np.exp(-logits[:, 0])), looks


def _matrix_of(roi: Roi, size: int) -> FloatArray:
    """Return the matrix (2, 3) from network pixels to frame pixels."""
    scale = roi.side / size
    cos, sin = scale * math.cos(roi.angle), scale * math.sin(roi.angle)
    turn = np.array([[cos, -sin], [sin, cos]])
    return np.column_stack([turn, np.array([roi.x, roi.y]) - turn @ [size / 2, size / 2]])


def _cut_region(frame: Frame, to_frame: FloatArray, size: int) -> npt.NDArray[np.float32]:
    """Crop the region to the network's image, (size, size, 3) in 0..1."""
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]]) @ to_frame[:, :2].T + to_frame[:, 2]
    limit = np.array(frame.shape[1::-1])
    low = np.clip(np.floor(corners.min(0)) - 1, 0, limit - 1).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + 2, low + 1, limit).astype(int)
    part = frame[low[1] : high[1], low[0] : high[0]]
    to_part = to_frame - np.column_stack([np.zeros((2, 2)), low])
    # Bilinear sampling reads 4 pixels, so a region more than twice as large would alias: shrink it by areas first.
    scale = math.hypot(*to_frame[:, 0])
    if scale > 2:
        part, to_part = _reduce(part, to_part, 2 ** int(math.log2(scale)))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    image = cv2.warpAffine(part, to_part, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return image.astype(np.float32) / np.float32(white(frame))


def _reduce(part: Array, to_part: FloatArray, factor: int) -> tuple[Array, FloatArray]:
    """Shrink a part of a frame; return it and the matrix to it."""
    size = np.array(part.shape[1::-1])
    small_size = np.maximum(1, size // factor)
    small = cv2.resize(part, small_size.tolist(), interpolation=cv2.INTER_AREA)
    ratio = (small_size / size)[:, None]
    # Pixel centres stay pixel centres.
    return small, to_part * ratio + np.column_stack([np.zeros((2, 2)), 0.5 * ratio - 0.5])


def _roi_of(mesh: FloatArray) -> Roi:
    """Return the square around the vertices, upright with respect to the face."""
    left, right = mesh[list(_EYE_CORNERS)]
    angle = math.atan2(right[1] - left[1], right[0] - left[0])
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    upright = mesh @ turn.T
    low, high = upright.min(0), upright.max(0)
    x, y = (low + high) / 2 @ turn
    return Roi(float(x), float(y), max(1.0, float((high - low).max()) * ROI_SCALE), angle)


def roi_around(box: FloatArray, points: FloatArray) -> Roi:
    """Return the region of a face by its box (4,) and its points (3, 2)."""
    left, right, _ = points
    x, y = (box[:2] + box[2:]) / 2
    side = max(1.0, float((box[2:] - box[:2]).max()) * ROI_SCALE)
    return Roi(float(x), float(y), side, math.atan2(right[1] - left[1], right[0] - left[0]))


def _to_face(mesh: FloatArray, score: float, look: npt.NDArray[np.int8]) -> Face:
    places = mesh[:, :2]
    points = np.stack([places[vertices].mean(0) for vertices in (_LEFT_BROW, _RIGHT_BROW, _NOSE)])
    box = np.concatenate([places.min(0), places.max(0)])
    return Face.of(points, box, score, look, _measure_opening(places), _measure_yaw(mesh))


def _measure_yaw(mesh: FloatArray) -> float:
    """Return the angle, in degrees, between the line through the eyes' corners and the image."""
    left, right = mesh[list(_EYE_CORNERS)]
    x, y, depth = right - left
    return math.degrees(math.atan2(depth, _DEPTH * math.hypot(x, y)))


def _measure_opening(mesh: FloatArray) -> float:
    gap = mesh[_LOWER_LIP].mean(0) - mesh[_UPPER_LIP].mean(0)
    height = mesh[_CHIN] - mesh[_FOREHEAD]
    return float(gap @ height / max(1e-9, height @ height))
